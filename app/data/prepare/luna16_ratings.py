"""LIDC-IDRI's ratings for LUNA16's nodules, joined by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodulus.app.data.lidc_labels.matching import match_references, rated
from nodulus.app.data.lidc_labels.scan_labels import nodules_of
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.lidc.database import LidcScan, read_scans
from nodulus.bundles.common.lidc.shapes import ShapeReference
from nodulus.transforms.geometry import Geometry

MIN_READERS = 3
"""LUNA16's nodules are those that at least so many readers outlined."""


@dataclass(frozen=True)
class RatedNodules:
    """The nodules of one series with what LIDC-IDRI's readers say about them.

    Args:
        nodules: in the order given.
        known: the series in LIDC-IDRI's database; None where it is not there.
        references: every nodule that a reader outlined on it.
        unmatched: indices of the nodules that no outlined one lies at.
    """

    nodules: tuple[Nodule, ...]
    known: LidcScan | None = None
    references: tuple[ShapeReference, ...] = ()
    unmatched: tuple[int, ...] = ()


def rate_nodules(series_uid: str, nodules: Sequence[Nodule], geometry: Geometry) -> RatedNodules:
    """Join the nodules of one series with those that three readers outlined, by LUNA16's rule.

    Args:
        series_uid: of the scan.
        nodules: from ``annotations.csv``.
        geometry: of its image: the database knows no origin.

    Raises:
        FileNotFoundError: the package with the ratings is not installed.
    """
    known = read_scans().get(series_uid)
    if known is None:
        return RatedNodules(tuple(nodules))
    references = nodules_of(series_uid)
    found = match_references(
        [nodule.center_lps_mm for nodule in nodules],
        [nodule.diameter_mm for nodule in nodules],
        [reference for reference in references if reference.readers >= MIN_READERS],
        geometry,
    )
    joined = tuple(
        nodule if reference is None else rated(nodule, reference)
        for nodule, reference in zip(nodules, found, strict=True)
    )
    unmatched = tuple(k for k, reference in enumerate(found) if reference is None)
    return RatedNodules(joined, known, references, unmatched)
