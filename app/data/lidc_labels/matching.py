"""Which nodule of LIDC-IDRI lies at a point in the patient.

The readers' outlines are in columns and rows of the images; the images' own geometry takes them
to the patient. Columns run towards the patient's left and rows towards the back in most scans,
but some patients lie prone, so the direction counts as well as the origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nodulus.app.data.lidc_labels.scan_labels import LabelledNodule
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.hit_rule import hit_distances_mm
from nodulus.bundles.common.lidc.database import LidcScan
from nodulus.bundles.common.lidc.shapes import ShapeReference
from nodulus.transforms.geometry import Geometry


def to_lps(points_xyz_mm: ArrayLike, scan: LidcScan, geometry: Geometry) -> NDArray[np.float64]:
    """Take points of the database to the patient.

    Args:
        points_xyz_mm: shape (n, 3): column and row times the pixel spacing, and z as it is in
            the patient (see :class:`~nodulus.bundles.common.lidc.database.Annotation`).
        scan: the series that they were drawn on.
        geometry: of its images, slices along z.

    Returns:
        Shape (n, 3), LPS mm.
    """
    points = np.asarray(points_xyz_mm, dtype=np.float64).reshape(-1, 3)
    columns, rows = (points[:, :2] / scan.pixel_spacing_mm).T
    lps = geometry.index_to_lps(np.stack([np.zeros(len(points)), rows, columns], axis=1))
    lps[:, 2] = points[:, 2]
    return lps


def center_xyz_mm(reference: ShapeReference) -> NDArray[np.float64]:
    """The middle of its readers' centres, in the database's space, shape (3,)."""
    return np.asarray(np.mean([a.center_xyz_mm for a in reference.annotations], axis=0))


def match_references(
    points_lps_mm: ArrayLike,
    diameters_mm: ArrayLike,
    references: Sequence[ShapeReference],
    geometry: Geometry,
) -> list[ShapeReference | None]:
    """The nodule of the database at each annotated nodule, by LUNA16's rule of a hit.

    Args:
        points_lps_mm: centres of the annotated nodules, shape (n, 3).
        diameters_mm: their diameters, shape (n,).
        references: the nodules of the same series.
        geometry: of its images.

    Returns:
        For each point the nearest nodule whose centre is closer than the annotated radius, None
        where there is none.
    """
    points = np.asarray(points_lps_mm, dtype=np.float64).reshape(-1, 3)
    if not references or not len(points):
        return [None] * len(points)
    scan = references[0].annotations[0].scan
    centers = to_lps([center_xyz_mm(reference) for reference in references], scan, geometry)
    within = hit_distances_mm(centers, points, diameters_mm).T
    return [references[int(row.argmin())] if np.isfinite(row).any() else None for row in within]


def rated(nodule: Nodule, reference: ShapeReference) -> Nodule:
    """The nodule with what LIDC-IDRI's readers say about it."""
    ratings = asdict(reference.ratings)
    return replace(
        nodule,
        malignancy=ratings.pop("malignancy"),
        lidc_patient=reference.patient_id,
        readers=reference.readers,
        ratings=ratings,
        spread=LabelledNodule(reference, None, 0).spread,
        lidc_nodule=reference.id,
    )
