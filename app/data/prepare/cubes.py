"""Nodules that were cut out of their scans, in one NumPy archive.

The archive has the arrays ``hu`` (n, z, y, x), Hounsfield units along +z, +y and +x of LPS, with
the nodule at the voxel ``shape // 2``; ``spacing_zyx`` (n, 3) in mm; ``xyz`` (n, 3), that voxel in
LPS mm; ``diameter_mm`` (n,); ``uid`` (n,), the series; ``patient`` (n,).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.lidc_labels.cube_labels import draw_outlines
from nodulus.app.data.lidc_labels.matching import center_xyz_mm, rated
from nodulus.app.data.prepare.numpy_archive import read_archive
from nodulus.app.data.prepare.prepare_collection import Found
from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan, TrainingScan
from nodulus.app.data.prepare.training_series import named_patient
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.lidc.shapes import ShapeReference, all_references
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL

_DIMENSIONS = {"hu": 4, "spacing_zyx": 2, "xyz": 2, "diameter_mm": 1, "uid": 1, "patient": 1}
_SAME_PLACE_MM = 3.0
_MARGIN_MM = 3.0
"""Around another nodule: how far centres of the database and of LUNA16 lie apart at most."""
_SAME_SIZE = 1.5
"""Largest ratio of the diameters of what is taken for one nodule."""


@lru_cache(maxsize=1)
def _read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an archive; the latest stays in memory, for its cubes are read one by one."""
    return read_archive(path, "cut-out nodules", _DIMENSIONS)


def cube_geometry(shape_zyx: Sequence[int], spacing_zyx: Any, middle_lps_mm: Any) -> Geometry:
    """Where a cube lies whose middle voxel, ``shape // 2``, has a place in the patient.

    Args:
        shape_zyx: of the cube.
        spacing_zyx: mm, slices along +z, rows along +y, columns along +x of LPS.
        middle_lps_mm: the place.
    """
    z, y, x = (int(n) for n in shape_zyx)
    spacing = np.asarray(spacing_zyx, dtype=np.float64)[::-1]
    origin = np.asarray(middle_lps_mm, dtype=np.float64) - spacing * (np.array([x, y, z]) // 2)
    return Geometry.from_itk((x, y, z), spacing, origin, np.eye(3))


def load_cube(
    path: Path,
    index: int,
    reference: ShapeReference | None = None,
    others: Sequence[ShapeReference] = (),
) -> LoadedScan:
    """Read one cube of an archive, with the readers' outlines where it is known whose they are.

    Args:
        path: the archive.
        index: of the cube.
        reference: the nodule in its middle, None where that is not known.
        others: the readers' other nodules of the series. What they cover is neither nodule nor
            background; nor is anything else, where it is not known how they lie to the middle.
    """
    arrays = _read(path)
    hu, spacing, place = (arrays[name][index] for name in ("hu", "spacing_zyx", "xyz"))
    geometry = cube_geometry(hu.shape, spacing, place)
    scan = LoadedScan(hu=np.ascontiguousarray(hu), geometry=geometry)
    covered = _covered(geometry, place, reference, others)
    labels = np.where(covered, IGNORE_LABEL, 0).astype(np.uint8)
    outlined = None if reference is None else draw_outlines(hu, spacing, place[2], reference)
    if outlined is not None:
        labels[outlined] = 1
        return replace(scan, labels=labels, label_source=LabelSource.OUTLINES)
    if covered.any():
        return replace(scan, labels=labels, label_source=LabelSource.SPHERES)
    return scan


def _covered(
    geometry: Geometry,
    middle_lps_mm: NDArray[np.floating],
    reference: ShapeReference | None,
    others: Sequence[ShapeReference],
) -> NDArray[np.bool_]:
    """Where other nodules are or may be: with a margin, at their distance from the middle one."""
    shape = geometry.shape_irc
    covered = np.full(shape, reference is None and len(others) > 0)
    if reference is None:
        return covered
    points = geometry.index_to_lps(np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3))
    for other in others:
        center = middle_lps_mm + center_xyz_mm(other) - center_xyz_mm(reference)
        reach = other.diameter_mm / 2 + _MARGIN_MM
        near = np.linalg.norm(points - center, axis=1) <= reach
        covered |= near.reshape(shape)
    return covered


def find_cubes(path: Path) -> Found:
    """Every nodule of an archive as a scan of its own, with LIDC-IDRI's outlines and ratings.

    Where it is not known which of the readers' nodules one is, it is an unrated ball.

    Args:
        path: the archive.

    Raises:
        NodulusError: it cannot be read, or the key to patient tokens cannot be kept.
    """
    arrays = _read(path)
    references = _by_series()
    number: Counter[str] = Counter()
    scans: list[TrainingScan] = []
    problems: list[Problem] = []
    for k, uid in enumerate(str(name) for name in arrays["uid"]):
        number[uid] += 1
        name = f"cube-{uid}-{number[uid]}"
        x, y, z = (float(value) for value in arrays["xyz"][k])
        nodule = Nodule(name, (x, y, z), float(arrays["diameter_mm"][k]), label=1)
        known = references.get(uid, ())
        reference = _reference(nodule, known)
        if reference is None and uid in references:
            message = "which of the readers' nodules it is cannot be told; unrated"
            problems.append(Problem(ProblemKind.RATINGS_MISSING, message, path, series_uid=name))
        scans.append(
            TrainingScan(
                series_uid=name,
                patient_id=named_patient(str(arrays["patient"][k])),
                load=partial(
                    load_cube, path, k, reference, tuple(r for r in known if r is not reference)
                ),
                source_files=(path,),
                recipe=f"cubes 3 {k}",
                nodules=(nodule if reference is None else rated(nodule, reference),),
                table=path,
                whole=False,
            )
        )
    return Found("cubes", scans, problems, {"series": len(scans)})


def _by_series() -> dict[str, tuple[ShapeReference, ...]]:
    """LIDC-IDRI's nodules by series; empty where the package with the ratings is missing."""
    found: dict[str, tuple[ShapeReference, ...]] = {}
    try:
        everything = all_references()
    except FileNotFoundError:
        return found
    for reference in everything:
        uid = reference.annotations[0].scan.series_uid
        found[uid] = (*found.get(uid, ()), reference)
    return found


def _reference(nodule: Nodule, references: Sequence[ShapeReference]) -> ShapeReference | None:
    """The readers' nodule at the same level and of the same size, None where several may be it.

    Only the level is known in both: the database has columns and rows of images whose origin it
    does not know.
    """
    near = []
    for reference in references:
        off = abs(float(center_xyz_mm(reference)[2]) - nodule.center_lps_mm[2])
        ratio = reference.diameter_mm / nodule.diameter_mm
        if off < _SAME_PLACE_MM and 1 / _SAME_SIZE < ratio < _SAME_SIZE:
            near.append(reference)
    return near[0] if len(near) == 1 else None
