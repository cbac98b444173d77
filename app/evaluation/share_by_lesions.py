"""The segmentation's share of the nodule probability by the lesions found in real scans.

Scans that are marked completely, those marked in part and phantoms count alike, and the share is
tried on each patient with those of the others. :mod:`.share_by_cpm` chooses it by the CPM of
scans of which every nodule is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nodulus.app.evaluation.froc_of_results import match_candidates
from nodulus.app.evaluation.match_results import MatchedScan
from nodulus.app.evaluation.metrics.froc import froc_curve
from nodulus.app.evaluation.repooling import SHARES, repooled
from nodulus.app.evaluation.scans.lesion_rows import ScanOfKnown

RATES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Other marks a scan at which the lesions found are counted."""


@dataclass(frozen=True)
class PoolingChoice:
    """The choice, and how it does on patients that it was not made on.

    Args:
        share: weight of the segmentation's peak, 0 to 1.
        mean_found: by share, the mean over the kinds of scans of the lesions found at
            :data:`RATES`.
        by_patient: the share that all other patients' scans would have given.
        found: lesions of the real scans found at each of :data:`RATES`, by way of pooling: with
            the share of the others (``left out``), with the chosen one, with the segmentation
            alone, with the classifier alone, half and half.
        lesions: in the real scans.
    """

    share: float
    mean_found: Mapping[float, float]
    by_patient: Mapping[str, float]
    found: Mapping[str, tuple[float, ...]]
    lesions: int


def choose_pooling(
    scans: Sequence[ScanOfKnown], phantoms: Sequence[MatchedScan] = ()
) -> PoolingChoice:
    """The share nearest to a half of those that find most lesions.

    Those count as best that are within half a lesion of the best one: such differences are chance.

    Completely marked scans, partly marked ones and phantoms count alike, whatever their number: in
    the second kind other marks may be right, and all ways of pooling suffer from that alike.

    Args:
        scans: real ones, none of them for tests.
        phantoms: for what the real ones lack.

    Raises:
        ValueError: no lesion is known, or a candidate was pooled without the classifier's
            probability.
    """
    kinds = {
        "complete": [s for s in scans if s.facts.is_complete],
        "partly": [s for s in scans if not s.facts.is_complete],
    }
    moved = {
        share: {
            **{kind: [repooled(s.match, share) for s in own] for kind, own in kinds.items()},
            "phantoms": [repooled(s, share) for s in phantoms],
        }
        for share in SHARES
    }
    patients = {kind: [s.facts.patient for s in own] for kind, own in kinds.items()}
    patients["phantoms"] = ["" for _ in phantoms]
    mean_found = {share: _mean_found(own) for share, own in moved.items()}
    lesions = sum(len(s.match.nodules) for s in scans)
    half_a_lesion = 0.5 / max(lesions, 1)
    by_patient = {
        patient: _best(
            {s: _mean_found(_without(own, patients, patient)) for s, own in moved.items()},
            half_a_lesion,
        )
        for patient in sorted({s.facts.patient for s in scans})
    }
    share = _best(mean_found, half_a_lesion)
    ways = {
        "left out": [
            moved[by_patient[patient]][kind][n]
            for kind in kinds
            for n, patient in enumerate(patients[kind])
        ],
        **{
            name: [scan for kind in kinds for scan in moved[chosen][kind]]
            for name, chosen in (
                ("chosen", share),
                ("segmentation", 1.0),
                ("classifier", 0.0),
                ("half and half", 0.5),
            )
        },
    }
    return PoolingChoice(
        share,
        mean_found,
        by_patient,
        {name: _found(own) for name, own in ways.items()},
        lesions,
    )


def _without(
    moved: Mapping[str, Sequence[MatchedScan]], patients: Mapping[str, Sequence[str]], patient: str
) -> dict[str, list[MatchedScan]]:
    return {
        kind: [s for s, own in zip(scans, patients[kind], strict=True) if own != patient]
        for kind, scans in moved.items()
    }


def _best(mean_found: Mapping[float, float], tolerance: float) -> float:
    enough = max(mean_found.values()) - tolerance - 1e-9
    good = [share for share, found in mean_found.items() if found >= enough]
    return min(good, key=lambda share: (abs(share - 0.5), -mean_found[share]))


def _mean_found(moved: Mapping[str, Sequence[MatchedScan]]) -> float:
    """Mean over kinds with lesions, and over rates, of the share found."""
    shares = [
        float(np.mean(_found(scans))) / count
        for scans in moved.values()
        if (count := sum(len(s.nodules) for s in scans))
    ]
    if not shares:
        raise ValueError("no lesion is known")
    return float(np.mean(shares))


def _found(scans: Sequence[MatchedScan]) -> tuple[float, ...]:
    match = match_candidates(scans)
    if len(match.nodule_score) == 0:
        return tuple(0.0 for _ in RATES)
    shares = froc_curve(match).sensitivity_at(RATES)
    return tuple(float(share) * len(match.nodule_score) for share in shares)
