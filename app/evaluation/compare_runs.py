"""Two versions of the networks on the same scans, against the same known lesions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.evaluation.detection_performance import malignancy_by_nodule
from nodulus.app.evaluation.froc_of_results import match_candidates
from nodulus.app.evaluation.match_results import MatchedScan
from nodulus.app.evaluation.metrics.delong import compare_aucs
from nodulus.app.evaluation.metrics.paired_bootstrap import (
    Measure,
    PairedEstimate,
    at_operating_point,
    paired_bootstrap,
    sensitivities_at,
)
from nodulus.app.evaluation.nodule_groups import GROUPS, is_benign, is_malignant

RATES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Other marks a scan at which the sensitivities are compared."""

SAME_PLACE_MM = 0.01
"""Affines may differ by so much: the last digits of a header that was written again."""


def compare_runs(
    first: Sequence[MatchedScan],
    second: Sequence[MatchedScan],
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare; the result is plain data, differences are second minus first.

    The malignancy probabilities are compared on the rated lesions that both found, for DeLong's
    test needs both scores of each.

    Args:
        first: the scans of one run.
        second: those of the other, matched with the same lesions.
        samples: of the paired bootstrap over the scans; 0 for no intervals.
        confidence: of all intervals.
        seed: of the bootstrap.

    Raises:
        NodulusError: ``input-refused`` where the scans are not the same, ``input-empty`` where
            they have no known lesion.
    """
    one, other = _same_scans(first, second)
    lesions = _lesions(one, other)
    if not lesions:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"none of the known lesions is in the {len(one)} scans of the results.",
            remedy="Give the lesions of these series, by their series UIDs.",
        )
    return {
        "scans": len(one),
        "lesions": len(lesions),
        "confidence": confidence,
        "seed": seed,
        "models": [_models(one), _models(other)],
        "found": _found(one, lesions),
        "measures": _measures(one, other, samples, confidence, seed),
        "malignancy": _malignancy(one, other, confidence),
        "differing_lesions": [row for row in lesions if row["first"] != row["second"]],
    }


def _same_scans(
    first: Sequence[MatchedScan], second: Sequence[MatchedScan]
) -> tuple[list[MatchedScan], list[MatchedScan]]:
    """Both in the order of their series UIDs."""
    one, other = _by_series(first, "first"), _by_series(second, "second")
    if one.keys() != other.keys():
        ours, theirs = sorted(one.keys() - other.keys()), sorted(other.keys() - one.keys())
        parts = [
            f"{len(own)} only in the {name} folder (among them {own[0]})"
            for own, name in ((ours, "first"), (theirs, "second"))
            if own
        ]
        raise _refused(
            f"the two folders are not of the same scans: of {len(one.keys() | other.keys())},"
            f" {' and '.join(parts)}"
        )
    series = sorted(one)
    for uid in series:
        a, b = one[uid].result.volume, other[uid].result.volume
        if a.shape_irc != b.shape_irc or not np.allclose(
            a.affine_lps, b.affine_lps, rtol=0, atol=SAME_PLACE_MM
        ):
            raise _refused(
                f"series {uid} is not the same image in both: {a.shape_irc} voxels in the first,"
                f" {b.shape_irc} in the second, or voxels at other places"
            )
    return [one[uid] for uid in series], [other[uid] for uid in series]


def _by_series(scans: Sequence[MatchedScan], name: str) -> dict[str, MatchedScan]:
    found = Counter(scan.result.series_uid for scan in scans)
    twice = sorted(uid for uid, count in found.items() if count > 1)
    if twice:
        raise _refused(f"the {name} folder has several results of series {twice[0]}")
    return {scan.result.series_uid: scan for scan in scans}


def _refused(message: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INPUT_REFUSED,
        f"{message}.",
        remedy="Run both versions on the same scans: every one counts with its other marks.",
    )


def _models(scans: Sequence[MatchedScan]) -> list[dict[str, Any]]:
    """Every network of the run, with the number of scans that it took part in."""
    used = Counter((m.name, m.version, m.sha256) for scan in scans for m in scan.result.models)
    return [
        {"name": name, "version": version, "sha256": checksum, "scans": count}
        for (name, version, checksum), count in used.items()
    ]


def _lesions(one: Sequence[MatchedScan], other: Sequence[MatchedScan]) -> list[dict[str, Any]]:
    """Every lesion, with whether a finding of each run lies on it."""
    return [
        {
            "series_uid": lesion.series_uid,
            "center_lps_mm": list(lesion.center_lps_mm),
            "diameter_mm": lesion.diameter_mm,
            "first": bool(np.isfinite(a.findings.found[n])),
            "second": bool(np.isfinite(b.findings.found[n])),
            "first_probability": _number(a.candidates.found[n]),
            "second_probability": _number(b.candidates.found[n]),
        }
        for a, b in zip(one, other, strict=True)
        for n, lesion in enumerate(a.nodules)
    ]


def _number(value: float) -> float | None:
    """None where no candidate lies on the lesion."""
    return float(value) if np.isfinite(value) else None


def _found(
    scans: Sequence[MatchedScan], lesions: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """By group of lesions, at the operating points of the runs."""
    nodules = [nodule for scan in scans for nodule in scan.nodules]
    rows = []
    for name, belongs in GROUPS.items():
        own = [row for row, nodule in zip(lesions, nodules, strict=True) if belongs(nodule)]
        times = Counter((row["first"], row["second"]) for row in own)
        rows.append(
            {
                "group": name,
                "lesions": len(own),
                "both": times[True, True],
                "only_first": times[True, False],
                "only_second": times[False, True],
                "neither": times[False, False],
            }
        )
    return rows


def _measures(
    one: Sequence[MatchedScan],
    other: Sequence[MatchedScan],
    samples: int,
    confidence: float,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Each with both values and the difference."""

    def paired(a: Measure, b: Measure) -> tuple[PairedEstimate, ...]:
        return paired_bootstrap(a, b, len(one), samples, confidence, seed)

    found, marks = paired(_at_point(one), _at_point(other))
    along = paired(
        sensitivities_at(match_candidates(one), RATES),
        sensitivities_at(match_candidates(other), RATES),
    )
    return {
        "sensitivity_at_operating_point": _plain(found),
        "other_marks_per_scan_at_operating_point": _plain(marks),
        **{f"sensitivity_at_{rate:g}": _plain(own) for rate, own in zip(RATES, along, strict=True)},
    }


def _at_point(scans: Sequence[MatchedScan]) -> Measure:
    return at_operating_point(
        np.array([np.isfinite(s.findings.found).sum() for s in scans], dtype=np.int64),
        np.array([len(s.nodules) for s in scans], dtype=np.int64),
        np.array([len(s.findings.false_scores) for s in scans], dtype=np.int64),
    )


def _plain(paired: PairedEstimate) -> dict[str, Any]:
    content = asdict(paired)
    if paired.samples == 0:
        content["difference"] = {"value": paired.difference.value}
    return content


def _malignancy(
    one: Sequence[MatchedScan], other: Sequence[MatchedScan], confidence: float
) -> dict[str, Any]:
    """AUCs of both on the same lesions, and DeLong's test; None where a class is empty."""
    a, b = malignancy_by_nodule(one), malignancy_by_nodule(other)
    rated = [
        (key, is_malignant(nodule))
        for key in sorted(a.keys() & b.keys())
        if is_malignant(nodule := one[key[0]].nodules[key[1]]) or is_benign(nodule)
    ]
    positive = [malignant for _, malignant in rated]
    counts = {"malignant": sum(positive), "benign": len(positive) - sum(positive)}
    if not all(counts.values()):
        return {**counts, "auc": None}
    test = compare_aucs(
        [b[key] for key, _ in rated], [a[key] for key, _ in rated], positive, confidence
    )
    auc = {"first": test.second, "second": test.first, "difference": asdict(test.difference)}
    if test.difference.lower == test.difference.upper:
        # DeLong's method sees no spread, as where no class overlaps; that is no certainty.
        auc["difference"] = {"value": test.difference.value}
        return {**counts, "auc": {**auc, "p_value": None}}
    return {**counts, "auc": {**auc, "p_value": test.p_value}}
