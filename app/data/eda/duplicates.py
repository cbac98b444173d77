"""What is in the data more than once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.splits import Side


@dataclass(frozen=True)
class Duplicates:
    """Groups of scans that belong together, by series UID.

    Args:
        same_voxels: scans whose voxels are the same, in each group.
        across_sides: those of ``same_voxels`` that are on two sides of the split: it leaks.
        same_series: series UIDs that are there more than once, as often as they are.
        same_patient: scans of each patient with several; no error, but a reason to split by
            patient.
    """

    same_voxels: tuple[tuple[str, ...], ...]
    across_sides: tuple[tuple[str, ...], ...]
    same_series: tuple[tuple[str, ...], ...]
    same_patient: tuple[tuple[str, ...], ...]


def find_duplicates(
    studies: Sequence[Study], hashes: Sequence[str | None], sides: Mapping[str, Side]
) -> Duplicates:
    """Find what is there more than once.

    Args:
        studies: all studies.
        hashes: of each one's voxels, None where its image cannot be read.
        sides: of each patient.
    """
    by_voxels = [g for g in _groups(studies, hashes) if len(g) > 1]
    across = [g for g in by_voxels if len({sides.get(study.patient_id) for study in g}) > 1]
    by_series = _groups(studies, [study.series_uid for study in studies])
    by_patient = _groups(studies, [study.patient_id for study in studies])
    return Duplicates(
        _uids(by_voxels),
        _uids(across),
        _uids([g for g in by_series if len(g) > 1]),
        _uids([g for g in by_patient if len({study.series_uid for study in g}) > 1]),
    )


def _groups(studies: Sequence[Study], keys: Sequence[Hashable | None]) -> list[list[Study]]:
    groups: dict[Hashable, list[Study]] = {}
    for study, key in zip(studies, keys, strict=True):
        if key is not None:
            groups.setdefault(key, []).append(study)
    return list(groups.values())


def _uids(groups: Sequence[Sequence[Study]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted(tuple(sorted(study.series_uid for study in group)) for group in groups))
