"""Reads one scan of LUNA16 and draws what LIDC-IDRI's readers outlined on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nodulus.app.data.lidc_labels.scan_labels import label_scan
from nodulus.app.data.prepare.problems import Problem, ProblemKind, ScanError
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan
from nodulus.app.reading.mhd import MhdHeader, read_mhd_header
from nodulus.bundles.common.data.reader import read_image
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.lidc.database import LidcScan
from nodulus.bundles.common.lidc.shapes import ShapeReference
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL

_SPACING_TOLERANCE = 0.01
"""Share of the pixel spacing by which image and database may differ: the database rounds."""


def load_luna16(
    path: Path,
    series_uid: str,
    nodules: Sequence[Nodule],
    known: LidcScan | None,
    references: Sequence[ShapeReference],
    agreement: float,
) -> LoadedScan:
    """Read one mhd file.

    A nodule's label is what its readers outlined. What they outlined and LUNA16 does not list
    (fewer than three readers) is ignored (255).

    Args:
        path: the header.
        series_uid: of the scan.
        nodules: LUNA16's nodules, with their names in LIDC-IDRI where they have one.
        known: the series in LIDC-IDRI's database; None where it is not there, and there is no
            label map then.
        references: the nodules that readers outlined on it.
        agreement: share of a nodule's readers that must cover a voxel of it.

    Raises:
        ScanError: the image cannot be read.
    """
    try:
        header = read_mhd_header(path)
        header.check_size()
        header.check_content()
        hu = SimpleITK.GetArrayFromImage(read_image(path))
    except (OSError, ValueError) as error:
        problem = Problem(ProblemKind.IMAGE_BROKEN, str(error), path, None, series_uid)
        raise ScanError(problem) from error
    if known is None:
        return LoadedScan(hu, header.geometry)
    try:
        labels, numbered = _outlined(header, nodules, known, references, agreement)
    except ValueError as error:
        message = f"the readers' outlines do not fit the image ({error}); balls are drawn instead"
        problem = Problem(ProblemKind.MASK_MISMATCH, message, path, None, series_uid)
        return LoadedScan(hu, header.geometry, problems=(problem,))
    return LoadedScan(hu, header.geometry, labels, LabelSource.OUTLINES, numbered)


def _outlined(
    header: MhdHeader,
    nodules: Sequence[Nodule],
    known: LidcScan,
    references: Sequence[ShapeReference],
    agreement: float,
) -> tuple[NDArray[np.uint8], tuple[Nodule, ...]]:
    """The label map, and the nodules with their labels.

    Raises:
        ValueError: the image is not the one that the readers outlined.
    """
    _, rows, columns = header.geometry.shape_irc
    spacing = header.geometry.spacing_irc_mm[2]
    if abs(spacing - known.pixel_spacing_mm) > _SPACING_TOLERANCE * known.pixel_spacing_mm:
        raise ValueError(f"pixels of {spacing:.4g} mm, not {known.pixel_spacing_mm:.4g} mm")
    levels = _levels(header.geometry, known)
    drawn = label_scan(known, references, levels, (rows, columns), agreement=agreement)
    if len(drawn.missing_levels_mm) == len(known.levels_mm):
        raise ValueError("no slice lies where one that the readers saw does")
    label_of = {labelled.reference.id: labelled.label for labelled in drawn.nodules}
    numbered = tuple(replace(n, label=label_of.get(n.lidc_nodule or "")) for n in nodules)
    kept = {0, *(nodule.label for nodule in numbered)}
    table = np.asarray([v if v in kept else IGNORE_LABEL for v in range(IGNORE_LABEL + 1)])
    return table.astype(np.uint8)[drawn.labels], numbered


def _levels(geometry: Geometry, known: LidcScan) -> NDArray[np.float64]:
    """The z of each slice, shape (I,).

    Slices of uneven distance (one scan of LUNA16 has such) lie evenly in an mhd file; where
    their number is right, they are the readers' slices in order.
    """
    slices = geometry.shape_irc[0]
    index = np.zeros((slices, 3))
    index[:, 0] = np.arange(slices)
    z_mm = geometry.index_to_lps(index)[:, 2]
    if len(known.levels_mm) != slices:
        return z_mm
    levels = np.sort(known.levels_mm)
    near = np.abs(np.sort(z_mm)[[0, -1]] - levels[[0, -1]]) <= known.slice_spacing_mm
    return levels if z_mm[0] <= z_mm[-1] and near.all() else z_mm
