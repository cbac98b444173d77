"""What a split is before anything learns from it: who is where, and what it leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nodulus.app.reading.message_words import count
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.patient_roles import ROLES_FILE, Role, role_of
from nodulus.bundles.common.reserved_patients import (
    ReservedPatients,
    check_reserved,
    people_in,
)
from nodulus.bundles.common.splits import SharedShapes, Split, find_leaks
from nodulus.bundles.common.stratification import FEATURES, balance, by_patient, patient_features


def split_report(
    split: Split,
    shapes: SharedShapes = SharedShapes.REPORT,
    reserved: ReservedPatients = ReservedPatients.REFUSE,
) -> dict[str, Any]:
    """Count; the result is plain data and names no patient.

    Args:
        split: it may leak.
        shapes: what training does where two sides share what phantoms are made of.
        reserved: what training does about reserved patients on its side.

    Returns:
        ``sides`` with the counts of each (:data:`~nodulus.bundles.common.stratification.FEATURES`
        and the imbalance against a perfect share of 0), ``folders`` with those of each folder on
        each side, ``reserved_patients`` on each side, those whose nodules phantoms show too, and
        ``leaks``, each with whether training is refused for it.
    """
    sides = {side.value: studies for side, studies in split.sides().items()}
    uneven = balance(sides) if any(sides.values()) else {}
    leaks = [
        {"what": str(leak), "refused": leak.is_certain or shapes is SharedShapes.REFUSE}
        for leak in find_leaks(split)
        if leak.is_certain or shapes is not SharedShapes.IGNORE
    ]
    kept = {name: _reserved(studies) for name, studies in sides.items()}
    try:
        check_reserved(split.training, ReservedPatients.REFUSE)
    except ValueError as error:
        refused = reserved is ReservedPatients.REFUSE
        leaks.append({"what": str(error).partition(". ")[0], "refused": refused})
    return {
        "sides": {
            name: {**_counts(studies), "imbalance": uneven.get(name)}
            for name, studies in sides.items()
        },
        "folders": list(_folders(sides)),
        "reserved_patients": kept,
        "leaks": leaks,
    }


def _counts(studies: Sequence[Study]) -> dict[str, int]:
    groups = by_patient(studies).values()
    sums = np.sum([np.zeros(len(FEATURES)), *(patient_features(own) for own in groups)], axis=0)
    return {"patients": len(groups), **dict(zip(FEATURES, map(int, sums), strict=True))}


def _folders(sides: Mapping[str, Sequence[Study]]) -> Iterator[dict[str, Any]]:
    """What each folder gives to each side."""
    names = dict.fromkeys(str(study.folder) for own in sides.values() for study in own)
    for folder in sorted(names):
        for side, studies in sides.items():
            own = _counts([study for study in studies if str(study.folder) == folder])
            yield {
                "folder": folder,
                "side": side,
                **{name: own[name] for name in ("patients", "scans", "nodules")},
            }


def _reserved(studies: Sequence[Study]) -> int:
    return sum(role_of(patient) is Role.RESERVED for patient in people_in(studies))


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The report in words."""
    sides = report["sides"]
    rows = [(name, [own[name] for own in sides.values()]) for name in ("patients", *FEATURES)]
    width = max(len("imbalance"), *(len(name) for name, _ in rows))
    yield "  ".join([" " * width, *sides])
    for name, values in rows:
        cells = (f"{value:>{len(side)},}" for side, value in zip(sides, values, strict=True))
        yield "  ".join([f"{name:<{width}}", *cells])
    uneven = (
        f"{'-' if own['imbalance'] is None else format(own['imbalance'], '.2f'):>{len(side)}}"
        for side, own in sides.items()
    )
    yield "  ".join([f"{'imbalance':<{width}}", *uneven])
    yield ""
    for row in report["folders"]:
        if row["scans"]:
            yield (
                f"{row['folder']}: {row['side']} {count(row['patients'], 'patient')},"
                f" {count(row['scans'], 'scan')}, {count(row['nodules'], 'nodule')}"
            )
    kept = [f"{n:,} in {side}" for side, n in report["reserved_patients"].items() if n]
    yield (
        f"reserved for tests ({ROLES_FILE.name}), phantoms' nodules included:"
        f" {', '.join(kept) or 'no patient'}"
    )
