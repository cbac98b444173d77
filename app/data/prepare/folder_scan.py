"""Reads one scan of a user's folder with its masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.masks.find_masks import MaskFile
from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.data.masks.structure_labels import label_structures
from nodulus.app.data.masks.structures import Structure, StructureMask
from nodulus.app.data.prepare.label_map_nodules import measured_nodules
from nodulus.app.data.prepare.problems import Problem, ProblemKind, ScanError
from nodulus.app.data.prepare.source_slices import slices_of, source_slices
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan
from nodulus.app.data.prepare.training_series import plan_series
from nodulus.app.errors import NodulusError
from nodulus.app.reading.dicom_volume import load_plan
from nodulus.app.reading.message_words import count
from nodulus.app.reading.research import read_research
from nodulus.app.volume import CtVolume
from nodulus.bundles.common.data.reader import read_image
from nodulus.bundles.common.data.tables import Nodule, Point
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.slice_labels import labels_on_grid

_KINDS = {
    MaskProblem.NOT_READABLE: ProblemKind.MASK_BROKEN,
    MaskProblem.MISMATCH: ProblemKind.MASK_MISMATCH,
    MaskProblem.NOTHING_CHOSEN: ProblemKind.MASK_MISSING,
}
_SAME_PLACE_MM = 0.05
"""How far a label image's corners may lie from the scan's: files round."""


@dataclass(frozen=True)
class MaskRule:
    """What a mask is taken for.

    Args:
        structures: patterns of names of the segments or ROIs that are nodules; empty for what is
            called so.
        has_table: the nodules come from a table, and the mask gives their outlines alone.
    """

    structures: tuple[str, ...]
    has_table: bool


def load_dicom(
    files: Sequence[Path], series_uid: str, masks: Sequence[MaskFile], rule: MaskRule
) -> LoadedScan:
    """Read one DICOM series and its SEG and RTSTRUCT.

    Args:
        files: of the series.
        series_uid: of the scan.
        masks: that were made on it.
        rule: what they are taken for.

    Raises:
        ScanError: the series is no volume, or a mask does not fit it.
    """
    try:
        volume = load_plan(*plan_series(files))
    except NodulusError as error:
        problem = Problem(ProblemKind.IMAGE_BROKEN, error.message, None, None, series_uid)
        raise ScanError(problem) from error
    if not masks:
        return _loaded(volume, series_uid, None, rule)
    return _with_masks(volume, masks, rule)


def _with_masks(volume: CtVolume, masks: Sequence[MaskFile], rule: MaskRule) -> LoadedScan:
    labels, lost = labels_of_masks(volume, masks, rule.structures)
    return _loaded(volume, volume.series_uid, labels, rule, lost)


def labels_of_masks(
    volume: CtVolume, masks: Sequence[MaskFile], structures: Sequence[str]
) -> tuple[NDArray[np.uint8], list[Problem]]:
    """Draw the nodules of masks on a volume.

    Args:
        volume: of any format.
        masks: that were made on it, at least one.
        structures: see `MaskRule`.

    Returns:
        Shape of the volume: 0 background, n nodule n; and what of the masks is lost.

    Raises:
        ScanError: a mask does not fit the volume.
    """
    series_uid = volume.series_uid
    source = source_slices(volume) if volume.source_images else slices_of(volume)
    try:
        found = _read_masks(masks, source, structures)
        drawn = label_structures(found, source.shape_irc)
    except MaskError as error:
        problem = Problem(_KINDS[error.problem], error.message, error.path, None, series_uid)
        raise ScanError(problem) from error
    except ValueError as error:  # too many nodules, or images out of order
        problem = Problem(ProblemKind.MASK_BROKEN, str(error), masks[0].path, None, series_uid)
        raise ScanError(problem) from error
    labels = labels_on_grid(drawn, source.positions_lps_mm, volume.geometry)
    return np.asarray(labels, dtype=np.uint8), _lost_planes(found, masks, series_uid)


def _read_masks(
    masks: Sequence[MaskFile], source: SourceSlices, structures: Sequence[str]
) -> list[StructureMask]:
    """The nodules of all masks together; a mask without any is passed over if another has some.

    Raises:
        MaskError: a mask does not fit the images, or none has a nodule.
    """
    read = [_try_read(mask, source, structures) for mask in masks]
    found = [structure for item in read if isinstance(item, list) for structure in item]
    without = [item for item in read if isinstance(item, MaskError)]
    if without and len(without) == len(masks):
        raise without[0]
    return found


def _try_read(
    mask: MaskFile, source: SourceSlices, structures: Sequence[str]
) -> list[StructureMask] | MaskError:
    try:
        return mask.read(source, structures)
    except MaskError as error:
        if error.problem is MaskProblem.NOTHING_CHOSEN:
            return error
        raise


def load_image(
    path: Path, series_uid: str, label: Path | None, masks: Sequence[MaskFile], rule: MaskRule
) -> LoadedScan:
    """Read one NIfTI, MetaImage or NRRD file and its masks.

    Args:
        path: the scan.
        series_uid: its name.
        label: 0 background, n nodule n, 255 ignored, on the scan's grid; None for none.
        masks: with named structures, where there is no such image.
        rule: what it is taken for.

    Raises:
        ScanError: the scan cannot be read, or a mask does not fit it.
    """
    volume = _read_scan(path, series_uid)
    if label is None and masks:
        return _with_masks(volume, masks, rule)
    labels = None if label is None else read_labels(label, volume.geometry, series_uid)
    return _loaded(volume, series_uid, labels, rule)


def load_semantic(
    path: Path, label: Path, series_uid: str, values: frozenset[int], ignored: int | None
) -> LoadedScan:
    """Read one scan and a label image that says of which kind a voxel is, not of which nodule.

    Args:
        path: the scan.
        label: on the scan's grid; each connected piece is a nodule.
        series_uid: its name.
        values: of the label image that are nodules.
        ignored: its value where nobody has labelled; None for none.

    Raises:
        ScanError: the scan cannot be read, or the label image does not fit it.
    """
    volume = _read_scan(path, series_uid)
    kinds = read_labels(label, volume.geometry, series_uid)
    mask = np.isin(kinds, list(values))
    labels = np.zeros(mask.shape, np.uint8)
    if mask.any():
        nodules = Structure(1, label.name, "", True)
        try:
            labels = label_structures([StructureMask(nodules, (0, 0, 0), mask)], mask.shape)
        except ValueError as error:
            problem = Problem(ProblemKind.MASK_BROKEN, str(error), label, None, series_uid)
            raise ScanError(problem) from error
    if ignored is not None:
        labels[kinds == ignored] = IGNORE_LABEL
    return _loaded(volume, series_uid, labels, MaskRule((), has_table=False))


def _read_scan(path: Path, series_uid: str) -> CtVolume:
    try:
        return read_research(path)
    except NodulusError as error:
        problem = Problem(ProblemKind.IMAGE_BROKEN, error.message, path, None, series_uid)
        raise ScanError(problem) from error


def read_labels(path: Path, geometry: Geometry, series_uid: str) -> NDArray[np.uint8]:
    """Read a label image on the grid of a scan.

    Args:
        path: NIfTI, MetaImage or NRRD.
        geometry: of the scan.
        series_uid: of the scan.

    Returns:
        Shape (I, R, C).

    Raises:
        ScanError: it cannot be read, or has another grid.
    """
    import SimpleITK

    try:
        image = read_image(path)
        own = Geometry.from_itk(
            image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
        )
        labels = np.asarray(SimpleITK.GetArrayFromImage(image))
    except ValueError as error:
        problem = Problem(ProblemKind.MASK_BROKEN, "it cannot be read", path, None, series_uid)
        raise ScanError(problem) from error
    if not own.almost_equal(geometry, _SAME_PLACE_MM):
        message = "its voxels are not those of the scan: another shape or place"
        problem = Problem(ProblemKind.MASK_MISMATCH, message, path, None, series_uid)
        raise ScanError(problem)
    return labels.astype(np.uint8)


def _loaded(
    volume: CtVolume,
    series_uid: str,
    labels: NDArray[np.uint8] | None,
    rule: MaskRule,
    problems: Sequence[Problem] = (),
) -> LoadedScan:
    mended = [
        Problem(ProblemKind.INPUT_MENDED, note.message, None, None, series_uid)
        for note in volume.warnings
    ]
    nodules = None
    if labels is not None and not rule.has_table:

        def make(label: int, center_lps_mm: Point, diameter_mm: float) -> Nodule:
            return Nodule(series_uid, center_lps_mm, diameter_mm, label=label)

        nodules = measured_nodules(labels, volume.geometry, make)
    return LoadedScan(
        hu=volume.hu,
        geometry=volume.geometry,
        labels=labels,
        label_source=LabelSource.MASK,
        nodules=nodules,
        problems=(*mended, *problems),
    )


def _lost_planes(
    found: Sequence[StructureMask], masks: Sequence[MaskFile], series_uid: str
) -> list[Problem]:
    lost = sum(mask.lost_planes for mask in found)
    if not lost:
        return []
    message = f"{count(lost, 'plane')} of the mask where the series has no image; left out"
    return [Problem(ProblemKind.OUTLINES_LOST, message, masks[0].path, None, series_uid)]
