"""The readers' nodules of one scan as a label map on its own images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nodulus.app.data.lidc_labels.consensus import count_readers
from nodulus.bundles.common.lidc.database import FEATURES, LidcScan, read_outlines
from nodulus.bundles.common.lidc.shapes import NOMINAL, ShapeReference, all_references, rating_name
from nodulus.transforms.blocks import Box
from nodulus.transforms.ignore_label import IGNORE_LABEL

SAME_LEVEL_MM = 0.01
SAME_LEVEL_FRACTION = 0.05
"""How near an image must be to an outline's z, in mm or in slice spacings: files round."""


@dataclass(frozen=True, eq=False)
class LabelledNodule:
    """One nodule of a scan.

    Args:
        reference: who outlined it, its joined ratings and its id.
        label: its value in the label map, 255 where its voxels are to be ignored, None where it
            has no voxel.
        lost_outlines: how many outlines lie on images that are not there.
    """

    reference: ShapeReference
    label: int | None
    lost_outlines: int

    @property
    def spread(self) -> dict[str, float]:
        """How far the readers' ratings are apart, by name: 0 where all agree.

        The highest less the lowest; for calcification and internal structure, whose numbers are
        names, how many answers there are beside the most frequent one.
        """
        ratings = np.array([annotation.ratings for annotation in self.reference.annotations])
        return {
            rating_name(feature): float(
                len(np.unique(given)) - 1 if feature in NOMINAL else given.max() - given.min()
            )
            for feature, given in zip(FEATURES, ratings.T, strict=True)
        }


@dataclass(frozen=True, eq=False)
class ScanLabels:
    """The label map of one scan.

    Args:
        labels: uint8, shape (images, rows, columns): 0 background, n nodule n, 255 ignored.
        nodules: in the order of their ids.
        missing_levels_mm: z of the scan's slices that no image lies at.
    """

    labels: NDArray[np.uint8]
    nodules: tuple[LabelledNodule, ...]
    missing_levels_mm: tuple[float, ...]


@lru_cache(maxsize=1)
def _references_by_scan() -> dict[str, tuple[ShapeReference, ...]]:
    by_scan: dict[str, list[ShapeReference]] = {}
    for reference in all_references():
        by_scan.setdefault(reference.annotations[0].scan.series_uid, []).append(reference)
    return {uid: tuple(sorted(own, key=_number)) for uid, own in by_scan.items()}


def _number(reference: ShapeReference) -> int:
    return int(reference.id.rpartition("/")[2])


def nodules_of(series_uid: str) -> tuple[ShapeReference, ...]:
    """The nodules that readers outlined on a scan, in the order of their numbers.

    Raises:
        FileNotFoundError: the package with the outlines is not installed.
    """
    return _references_by_scan().get(series_uid, ())


def match_levels(scan: LidcScan, image_z_mm: ArrayLike) -> dict[float, int]:
    """Which image lies at which of the scan's z positions; those without an image are left out.

    Args:
        scan: with its slices' positions.
        image_z_mm: shape (K,), z of ImagePositionPatient of each image.
    """
    images = np.asarray(image_z_mm, dtype=np.float64)
    tolerance = max(SAME_LEVEL_MM, SAME_LEVEL_FRACTION * scan.slice_spacing_mm)
    matched = {}
    for level in scan.levels_mm:
        gaps = np.abs(images - level)
        if gaps.min(initial=np.inf) <= tolerance:
            matched[level] = int(np.argmin(gaps))
    return matched


def label_scan(
    scan: LidcScan,
    references: Sequence[ShapeReference],
    image_z_mm: ArrayLike,
    shape_rc: tuple[int, int],
    *,
    agreement: float,
    min_readers: int = 1,
) -> ScanLabels:
    """Draw the nodules of a scan on its images.

    A voxel that two nodules claim goes to the one with more readers. Voxels that any reader gave
    to a nodule with too few readers are ignored (255): neither nodule nor background.

    Args:
        scan: from :func:`database.read_scans`.
        references: its nodules, from :func:`nodules_of`.
        image_z_mm: shape (K,), z of ImagePositionPatient of each image, in any order.
        shape_rc: rows and columns of the images.
        agreement: share of its readers that must cover a nodule's voxel, above 0, at most 1.
        min_readers: nodules that fewer readers outlined are ignored.

    Raises:
        FileNotFoundError: the package with the outlines is not installed.
        ValueError: the images are not those that the readers saw, or there are more than 254
            nodules.
    """
    slice_of_level = match_levels(scan, image_z_mm)
    if len(references) >= IGNORE_LABEL:
        raise ValueError(f"{len(references)} nodules in one scan; {IGNORE_LABEL - 1} are possible")
    outlines = {
        reference: list(read_outlines([a.id for a in reference.annotations]).values())
        for reference in references
    }
    labels = np.zeros((len(np.asarray(image_z_mm)), *shape_rc), dtype=np.uint8)
    boxes: dict[int, Box] = {}
    for reference in sorted(references, key=lambda r: (r.readers, -_number(r))):
        counted = count_readers(outlines[reference], slice_of_level, shape_rc)
        if counted is None:
            continue
        if reference.readers < min_readers:
            labels[counted.box][counted.counts > 0] = IGNORE_LABEL
            continue
        number = 1 + references.index(reference)
        labels[counted.box][counted.mask(agreement)] = number
        boxes[number] = counted.box
    final = _close_gaps(labels, boxes)
    return ScanLabels(
        labels,
        tuple(
            LabelledNodule(
                reference,
                IGNORE_LABEL if reference.readers < min_readers else final.get(k),
                sum(o.z_mm not in slice_of_level for own in outlines[reference] for o in own),
            )
            for k, reference in enumerate(references, start=1)
        ),
        tuple(level for level in scan.levels_mm if level not in slice_of_level),
    )


def _close_gaps(labels: NDArray[np.uint8], boxes: dict[int, Box]) -> dict[int, int]:
    """Number the labels that have a voxel 1, 2, ... in place; returns the new number of each."""
    final: dict[int, int] = {}
    for number in sorted(boxes):
        part = labels[boxes[number]]
        own = part == number
        if own.any():
            final[number] = len(final) + 1
            part[own] = final[number]
    return final
