"""Nodules of LIDC-IDRI as shapes that can be put anywhere: distance fields with ratings."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from nodulus.bundles.common.lidc.clusters import cluster_annotations
from nodulus.bundles.common.lidc.database import (
    FEATURES,
    Annotation,
    read_annotations,
    read_outlines,
)
from nodulus.bundles.common.lidc.distance_field import Grid, distance_field
from nodulus.bundles.common.lidc.pools import Pool, pool_of
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm

SPACING_MM = 0.5
NOMINAL = ("calcification", "internalStructure")
"""Ratings whose numbers are names, not degrees."""


def rating_name(feature: str) -> str:
    """The field of :class:`Ratings` that holds a column of the database."""
    return "internal_structure" if feature == "internalStructure" else feature


@dataclass(frozen=True)
class Ratings:
    """What the readers said, on LIDC-IDRI's scales (McNitt-Gray et al., Acad Radiol 14, 2007).

    Medians over the readers, so halves occur; ``calcification`` (1 popcorn, 2 laminated, 3 solid,
    4 non-central, 5 central, 6 absent) and ``internal_structure`` are names, not degrees, and are
    the readers' most frequent answer (the higher number of equally frequent ones).
    """

    subtlety: float
    internal_structure: float
    calcification: float
    sphericity: float
    margin: float
    lobulation: float
    spiculation: float
    texture: float
    malignancy: float

    @classmethod
    def of(cls, annotations: tuple[Annotation, ...]) -> Ratings:
        """Join the ratings of one nodule's readers."""
        values: dict[str, float] = {}
        for k, feature in enumerate(FEATURES):
            given = [annotation.ratings[k] for annotation in annotations]
            name = rating_name(feature)
            if feature in NOMINAL:
                values[name] = float(max(Counter(given).items(), key=lambda x: (x[1], x[0]))[0])
            else:
                values[name] = float(np.median(given))
        return cls(**values)


@dataclass(frozen=True, eq=False)
class NoduleShape:
    """One nodule's outer form and its readers' ratings.

    Args:
        id: patient and number of the nodule in the scan, such as ``LIDC-IDRI-0003/2``.
        patient_id: the LIDC-IDRI patient.
        sdf_mm: float32, shape (I, R, C), axes along +z, +y, +x of LPS: signed distance to the
            border, negative inside.
        spacing_mm: of the isotropic grid.
        center_irc: centroid of the nodule as fractional index of ``sdf_mm``.
        ratings: joined ratings.
        readers: how many readers outlined it.
        equivalent_diameter_mm: diameter of the sphere of the same volume.
        max_axial_diameter_mm: longest distance between two of its points on one axial slice.
    """

    id: str
    patient_id: str
    sdf_mm: NDArray[np.float32]
    spacing_mm: float
    center_irc: tuple[float, float, float]
    ratings: Ratings
    readers: int
    equivalent_diameter_mm: float
    max_axial_diameter_mm: float


@dataclass(frozen=True)
class ShapeReference:
    """A nodule that can be built: cheap to hold, to filter and to draw from.

    Args:
        id: as in :class:`NoduleShape`.
        annotations: one per reader.
        diameter_mm: median over readers of the equivalent diameter, from the outlined areas.
        ratings: joined ratings.
    """

    id: str
    annotations: tuple[Annotation, ...]
    diameter_mm: float
    ratings: Ratings

    @property
    def patient_id(self) -> str:
        """The LIDC-IDRI patient."""
        return self.annotations[0].scan.patient_id

    @property
    def readers(self) -> int:
        """How many readers outlined it."""
        return len(self.annotations)

    def build(self, reader: int | None = None) -> NoduleShape:
        """Build the shape; the latest 256 are kept.

        Args:
            reader: take this one reader's outlines (0-based) instead of what at least half of
                the readers outlined.

        Raises:
            ValueError: the outlines enclose nothing.
        """
        return _build(self, reader)


@lru_cache(maxsize=1)
def all_references() -> tuple[ShapeReference, ...]:
    """Every nodule of LIDC-IDRI outlined by at least one reader, in a fixed order (some 3 s)."""
    numbers: Counter[str] = Counter()
    references = []
    for group in cluster_annotations(read_annotations()):
        patient_id = group[0].scan.patient_id
        numbers[patient_id] += 1
        diameter = float(np.median([2.0 * annotation.radius_mm for annotation in group]))
        name = f"{patient_id}/{numbers[patient_id]}"
        references.append(ShapeReference(name, group, diameter, Ratings.of(group)))
    return tuple(sorted(references, key=lambda reference: reference.id))


def load_shapes(
    pool: Pool | str | None,
    *,
    min_readers: int = 1,
    min_diameter_mm: float = 3.0,
    max_diameter_mm: float = 35.0,
) -> list[ShapeReference]:
    """List the nodules of a pool of patients; shapes are built on demand.

    Args:
        pool: ``training``, ``validation`` or ``test``; None for all (never for training).
        min_readers: at least so many readers outlined it.
        min_diameter_mm: smallest equivalent diameter.
        max_diameter_mm: largest equivalent diameter.

    Raises:
        FileNotFoundError: the package with the outlines is not installed.
        ValueError: no such pool.
    """
    wanted = None if pool is None else Pool(pool)
    return [
        reference
        for reference in all_references()
        if reference.readers >= min_readers
        and min_diameter_mm <= reference.diameter_mm <= max_diameter_mm
        and (wanted is None or pool_of(reference.patient_id) is wanted)
    ]


@lru_cache(maxsize=256)
def _build(reference: ShapeReference, reader: int | None) -> NoduleShape:
    chosen = reference.annotations if reader is None else (reference.annotations[reader],)
    scan = chosen[0].scan
    outlines = list(read_outlines([annotation.id for annotation in chosen]).values())
    grid = Grid.around(outlines, scan.pixel_spacing_mm, scan.slice_spacing_mm, SPACING_MM)
    sdf_mm = distance_field(outlines, scan.pixel_spacing_mm, scan.slice_spacing_mm, grid)
    # Share of each voxel that is inside, for a volume finer than a count of voxels.
    inside = np.clip(0.5 - sdf_mm.astype(np.float64) / SPACING_MM, 0.0, 1.0)
    total = float(inside.sum())
    sdf_mm.setflags(write=False)
    i, r, c = ((index * inside).sum() / total for index in np.indices(inside.shape))
    return NoduleShape(
        id=reference.id,
        patient_id=reference.patient_id,
        sdf_mm=sdf_mm,
        spacing_mm=SPACING_MM,
        center_irc=(float(i), float(r), float(c)),
        ratings=Ratings.of(chosen),
        readers=reference.readers,
        equivalent_diameter_mm=equivalent_diameter_mm(total * SPACING_MM**3),
        max_axial_diameter_mm=_max_axial_diameter_mm(sdf_mm < 0) if (sdf_mm < 0).any() else 0.0,
    )


def _max_axial_diameter_mm(mask: NDArray[np.bool_]) -> float:
    longest = 0.0
    for plane in mask:
        points = np.argwhere(plane).astype(np.float64)
        if len(points) > 3:
            with suppress(QhullError):  # all on one line
                points = points[ConvexHull(points).vertices]
        if len(points) > 1:
            longest = max(longest, float(pdist(points).max()))
    # Between the outer edges of the two end voxels, not their centres.
    return (longest + 1.0) * SPACING_MM
