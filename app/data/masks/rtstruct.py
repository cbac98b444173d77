"""Reads the contours of a radiotherapy structure set (PS3.3 A.19) onto the images of a CT series.

A pixel belongs to an ROI when its centre lies inside its contours or on one of them; a contour
within another one is a hole, by the even-odd rule that CLOSEDPLANAR_XOR prescribes and that
readers of CLOSED_PLANAR contours follow where there is no keyhole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.data.masks.structures import (
    Structure,
    StructureMask,
    StructurePlane,
    assemble,
    choose_structures,
)
from nodulus.transforms.polygons import polygon_pixels

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
_CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
_NODULE_TYPES = frozenset({"GTV"})
_OTHER_TYPES = frozenset({"AVOIDANCE", "BOLUS", "CAVITY", "EXTERNAL", "ORGAN", "PTV", "SUPPORT"})

FloatArray = NDArray[np.float64]


def read_rtstruct(
    path: Path, source: SourceSlices, patterns: Sequence[str] = ()
) -> list[StructureMask]:
    """Read the ROIs that are nodules.

    Args:
        path: the file.
        source: the images that it was drawn on.
        patterns: names of the wanted ROIs (see :func:`structures.choose_structures`).

    Returns:
        One mask an ROI, those without a pixel left out.

    Raises:
        MaskError: it is no structure set, is broken, lies in another frame of reference, a
            wanted ROI has contours that are not closed, oblique to the images, between them or
            outside, or none of its ROIs is wanted.
    """
    dataset = _open(path)
    rois = {int(roi.ROINumber): roi for roi in dataset.get("StructureSetROISequence") or ()}
    types = {
        int(item.ReferencedROINumber): str(item.get("RTROIInterpretedType") or "").upper()
        for item in dataset.get("RTROIObservationsSequence") or ()
    }
    structures = [_structure(n, roi, types.get(n, "")) for n, roi in rois.items()]
    chosen = choose_structures(structures, patterns, path)
    contours = {
        int(item.ReferencedROINumber): item.get("ContourSequence") or ()
        for item in dataset.get("ROIContourSequence") or ()
    }
    masks = []
    for structure in chosen:
        frame_of_reference = rois[structure.number].get("ReferencedFrameOfReferenceUID")
        source.check_frame_of_reference(frame_of_reference and str(frame_of_reference), path)
        curves = [_points(item, structure, path) for item in contours.get(structure.number, ())]
        mask = _rasterised(structure, curves, source, path)
        masks += [mask] if mask is not None else []
    return masks


def _open(path: Path) -> Any:
    try:
        dataset = pydicom.dcmread(path)
    except Exception as error:  # pydicom raises many kinds on a broken file
        raise MaskError(MaskProblem.NOT_READABLE, path, f"it is no DICOM file ({error})") from error
    if dataset.get("SOPClassUID") != RTSTRUCT_CLASS:
        raise MaskError(MaskProblem.NOT_READABLE, path, "it is no RT structure set")
    return dataset


def _structure(number: int, roi: Any, kind: str) -> Structure:
    is_nodule = True if kind in _NODULE_TYPES else False if kind in _OTHER_TYPES else None
    return Structure(number, str(roi.get("ROIName") or ""), kind, is_nodule)


def _points(contour: Any, structure: Structure, path: Path) -> FloatArray:
    """The contour's points, LPS mm, shape (n, 3)."""
    kind = str(contour.get("ContourGeometricType") or "not stated")
    if kind not in _CLOSED:
        raise MaskError(
            MaskProblem.MISMATCH, path,
            f"ROI {structure} has a contour of type {kind}; only closed planar ones enclose "
            "anything",
        )  # fmt: skip
    try:
        points = np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3)
    except (AttributeError, TypeError, ValueError):
        points = np.empty((0, 3))
    if not len(points) or not np.all(np.isfinite(points)):
        raise MaskError(
            MaskProblem.NOT_READABLE, path, f"ROI {structure} has a contour without whole points"
        )
    return points


def _rasterised(
    structure: Structure, curves: Sequence[FloatArray], source: SourceSlices, path: Path
) -> StructureMask | None:
    on_image: dict[int, list[FloatArray]] = defaultdict(list)
    lost: set[float] = set()
    for points in curves:
        image = source.image_of(points, path)
        if image is None:
            lost.add(round(float(np.median(points @ source.normal)), 2))
            continue
        corners_rc = source.pixels_on(image, points)
        if np.any(corners_rc < -0.5) or np.any(corners_rc > np.subtract(source.shape_rc, 0.5)):
            raise MaskError(
                MaskProblem.MISMATCH, path,
                f"ROI {structure} reaches beyond the images of series {source.series_uid}",
            )  # fmt: skip
        # The same contour twice would cancel itself.
        if not any(np.array_equal(corners_rc, other) for other in on_image[image]):
            on_image[image].append(corners_rc)
    planes = [
        StructurePlane(image, _enclosed(corners, source.shape_rc))
        for image, corners in on_image.items()
    ]
    return assemble(structure, planes, len(lost))


def _enclosed(curves: Sequence[FloatArray], shape_rc: tuple[int, int]) -> NDArray[np.int_]:
    """Pixels (n, 2) inside an odd number of curves, or on one."""
    odd = np.zeros(shape_rc, dtype=bool)
    on_line = np.zeros(shape_rc, dtype=bool)
    for corners_rc in curves:
        box, inside, line = polygon_pixels(corners_rc, shape_rc)
        odd[box] ^= inside
        on_line[box] |= line
    return np.argwhere(odd | on_line)
