"""Writes DICOM series with the UIDs and slice positions of LIDC-IDRI's, and an own consensus.

Pixels are synthetic; what at least half of the readers outlined is painted bright, so that a
label map that is mirrored or on the wrong slice shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from skimage.draw import polygon

from nodulus.app.data.lidc_labels.scan_labels import nodules_of
from nodulus.bundles.common.lidc.database import LidcScan, Outline, read_outlines, read_scans
from nodulus.bundles.common.lidc.shapes import ShapeReference
from tests.app.reading.dicom_factory import AXIAL, Edit, body_hu, write_series

BRIGHT_HU = 900


def series_of(patient_id: str) -> list[str]:
    """The series UIDs of a LIDC-IDRI patient, sorted."""
    return sorted(uid for uid, scan in read_scans().items() if scan.patient_id == patient_id)


def outlines_of(reference: ShapeReference) -> list[list[Outline]]:
    return list(read_outlines([a.id for a in reference.annotations]).values())


def own_mask(
    readers: Sequence[Sequence[Outline]],
    levels_mm: Sequence[float],
    shape_rc: tuple[int, int],
    agreement: float,
) -> NDArray[np.bool_]:
    """The consensus by skimage.draw: filled polygons less their own points, averaged."""
    masks = np.zeros((len(readers), len(levels_mm), *shape_rc), dtype=bool)
    for mask, outlines in zip(masks, readers, strict=True):
        for is_hole in (False, True):
            for outline in outlines:
                if outline.is_hole is not is_hole or outline.z_mm not in levels_mm:
                    continue
                columns, rows = outline.points_xy.astype(int).T
                plane = np.zeros(shape_rc, dtype=bool)
                plane[polygon(rows, columns, shape_rc)] = True
                plane[rows, columns] = is_hole
                k = list(levels_mm).index(outline.z_mm)
                mask[k] = mask[k] & ~plane if is_hole else mask[k] | plane
    return np.asarray(masks.mean(axis=0) >= agreement)


def levels_near(uid: str, margin: int = 4) -> list[int]:
    """Which slices of a scan hold its nodules, and some more at either end."""
    scan = read_scans()[uid]
    z = [o.z_mm for r in nodules_of(uid) for reader in outlines_of(r) for o in reader]
    low, high = scan.levels_mm.index(min(z)), scan.levels_mm.index(max(z))
    return list(range(max(0, low - margin), min(len(scan.levels_mm), high + margin + 1)))


def image_shape(uid: str) -> tuple[int, int]:
    """Rows and columns that just hold the outlines: the originals are 512 x 512."""
    points = np.concatenate(
        [o.points_xy for r in nodules_of(uid) for reader in outlines_of(r) for o in reader]
    )
    columns, rows = points.max(axis=0).astype(int) + 3
    return int(rows), int(columns)


def painted_hu(
    scan: LidcScan, slices: Sequence[int], shape_rc: tuple[int, int], agreement: float = 0.5
) -> NDArray[np.int16]:
    hu = np.minimum(body_hu((len(slices), *shape_rc)), 200).astype(np.int16)
    levels = [scan.levels_mm[k] for k in slices]
    for reference in nodules_of(scan.series_uid):
        hu[own_mask(outlines_of(reference), levels, shape_rc, agreement)] = BRIGHT_HU
    return hu


def write_lidc(
    root: Path,
    uid: str,
    *,
    layout: str = "new",
    slices: Sequence[int] | None = None,
    hu: NDArray[np.int16] | None = None,
    keep: Iterable[int] | None = None,
    orientation: Sequence[float] = AXIAL,
    shuffle: int | None = 0,
    pixel_mm: float | None = None,
    patient_id: str | None = None,
    edit: Edit | None = None,
) -> tuple[Path, NDArray[np.int16]]:
    """Write part of a scan; returns the series' folder and the pixels of all its slices.

    Args:
        root: the collection's folder.
        uid: a series UID of LIDC-IDRI.
        layout: ``old``: patient/study uid/series uid/000001.dcm; ``new``: the NBIA Data
            Retriever's, with the collection's name and 1-001.dcm.
        slices: which of the scan's slices are imaged.
        hu: their pixels.
        keep: write only these of them.
        orientation: ImageOrientationPatient.
        shuffle: mixes file names and InstanceNumbers.
        pixel_mm: instead of the scan's own.
        patient_id: PatientID in the headers.
        edit: changes each dataset.
    """
    scan = read_scans()[uid]
    slices = levels_near(uid) if slices is None else slices
    hu = painted_hu(scan, slices, image_shape(uid)) if hu is None else hu
    levels = [scan.levels_mm[k] for k in slices]
    study_uid = f"{uid}.1"[-64:]
    patient_id = patient_id or scan.patient_id
    if layout == "old":
        folder = root / scan.patient_id / study_uid / uid
    else:
        folder = root / "LIDC-IDRI" / scan.patient_id / f"01-01-2000-NA-NA-{study_uid[-5:]}"
        folder = folder / f"3000566.000000-NA-{uid[-5:]}"

    def identify(dataset: Dataset, k: int) -> None:
        dataset.SeriesInstanceUID = uid
        dataset.StudyInstanceUID = study_uid
        dataset.PatientID = patient_id
        dataset.ConvolutionKernel = "B30f"
        if edit is not None:
            edit(dataset, k)

    pixel = scan.pixel_spacing_mm if pixel_mm is None else pixel_mm
    normal = float(np.cross(orientation[:3], orientation[3:])[2]) or 1.0
    paths = write_series(
        folder,
        hu,
        spacing_mm=(pixel, pixel),
        heights_mm=[normal * (level - levels[0]) for level in levels],
        first_lps_mm=(-166.0, -171.7, levels[0]),
        orientation=orientation,
        keep=None if keep is None else list(keep),
        shuffle=shuffle,
        study=uid,
        series="ct",
        edit=identify,
    )
    for number, path in enumerate(sorted(paths), start=1):
        name = f"{number:06d}.dcm" if layout == "old" else f"1-{number:03d}.dcm"
        path.rename(path.with_name(name))
    return folder, hu
