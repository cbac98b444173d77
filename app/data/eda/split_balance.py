"""How the sides of a split share the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.splits import Side, draw_split, read_split
from nodulus.bundles.common.stratification import FEATURES, balance, by_patient, patient_features

FRACTION, SEED = 0.2, 0
"""What bundles/common/configs/train.json draws by default."""

SPLIT_FILE = "splits.json"
UNASSIGNED = "in no side"


@dataclass(frozen=True)
class SideBalance:
    """What one side has.

    Args:
        name: of the side.
        patients: how many.
        features: sums of :data:`nodulus.bundles.common.stratification.FEATURES` over its patients.
        candidates: true and false ones.
        imbalance: see :func:`nodulus.bundles.common.stratification.imbalance`: 1 is what a plain
        random
            choice of patients gives, 0 is perfect.
    """

    name: str
    patients: int
    features: Mapping[str, int]
    candidates: tuple[int, int]
    imbalance: float


@dataclass(frozen=True)
class SplitBalance:
    """A split of the data.

    Args:
        source: the file's name, None where it was drawn for the report.
        sides: those that have patients.
        shared_lidc_patients: LIDC-IDRI patients whose nodule shapes are on two sides.
        shared_backgrounds: real scans that nodules were inserted into, on two sides.
    """

    source: str | None
    sides: tuple[SideBalance, ...]
    shared_lidc_patients: int
    shared_backgrounds: int


def patient_sides(
    studies: Sequence[Study], splits_file: Path | None, first_folder: Path
) -> tuple[dict[str, Side], str | None]:
    """The side of each patient, as training would have it.

    Args:
        studies: all studies.
        splits_file: read where given.
        first_folder: its ``splits.json`` is read where there is one; else the default split is
            drawn, and not written.

    Returns:
        The sides, and the name of the file; None where they were drawn.

    Raises:
        FileNotFoundError: no such splits file.
        ValueError: the file is no split.
    """
    path = splits_file or first_folder / SPLIT_FILE
    if splits_file is None and not path.exists():
        return draw_split(studies, FRACTION, SEED), None
    return read_split(path), path.name


def split_balance(
    studies: Sequence[Study], sides: Mapping[str, Side], source: str | None
) -> SplitBalance:
    """Count what each side has."""
    groups: dict[str, list[Study]] = {name: [] for name in (*(s.value for s in Side), UNASSIGNED)}
    for study in studies:
        side = sides.get(study.patient_id)
        groups[UNASSIGNED if side is None else side.value].append(study)
    groups = {name: group for name, group in groups.items() if group}
    uneven = balance(groups) if groups else {}
    return SplitBalance(
        source,
        tuple(_side(name, group, uneven[name]) for name, group in groups.items()),
        _on_two([{n.lidc_patient for s in g for n in s.nodules} for g in groups.values()]),
        _on_two([{study.background for study in group} for group in groups.values()]),
    )


def _side(name: str, studies: Sequence[Study], uneven: float) -> SideBalance:
    patients = by_patient(studies)
    sums = np.sum([patient_features(group) for group in patients.values()], axis=0)
    true = sum(candidate.is_nodule for study in studies for candidate in study.candidates)
    every = sum(len(study.candidates) for study in studies)
    features = {feature: int(value) for feature, value in zip(FEATURES, sums, strict=True)}
    return SideBalance(name, len(patients), features, (true, every - true), uneven)


def _on_two(groups: Sequence[set[str | None]]) -> int:
    names = {name for group in groups for name in group if name}
    return sum(sum(name in group for group in groups) > 1 for name in names)
