"""A user's own CT, with nodules in a table of LUNA16's form, with masks, or with both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nodulus.app.data.marked_points.open_points import is_point_truth, known_nodules
from nodulus.app.data.prepare.dicom_index import DicomIndex, index_dicom
from nodulus.app.data.prepare.folder_masks import Masks, find_masks
from nodulus.app.data.prepare.folder_scan import MaskRule, load_dicom, load_image
from nodulus.app.data.prepare.luna16_tables import (
    read_candidate_rows,
    read_nodule_rows,
    read_series_list,
)
from nodulus.app.data.prepare.patients_table import MARKED, WhoseScans, read_patients
from nodulus.app.data.prepare.prepare_collection import Found
from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.app.data.prepare.table_errors import table_errors
from nodulus.app.data.prepare.training_scan import TrainingScan
from nodulus.app.data.prepare.training_series import named_patient, patient_token, series_facts
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress
from nodulus.app.reading.files import is_research_format, list_files, stem
from nodulus.app.reading.message_words import count
from nodulus.app.reading.research import is_label_image
from nodulus.bundles.common.data.tables import LabelledCandidate, Nodule


@dataclass(frozen=True)
class FolderTruth:
    """What is known of the scans of a folder; a table or masks at least.

    Args:
        nodules: CSV in LUNA16's form: seriesuid,coordX,coordY,coordZ,diameter_mm in LPS mm, and
            malignancy where it is known; or a DICOM SR (TID 1500), markups of 3D Slicer, or a
            folder with these. A file other than DICOM has its name for a series.
        series: list of series, one a line: those without nodules have none.
        masks: folder with DICOM SEG, RTSTRUCT, or label images and ``.seg.nrrd`` named like the
            scans.
        structures: patterns of names of the segments or ROIs that are nodules; empty for what is
            called so.
        candidates: CSV of LUNA16's form with looked-at places: 1 is a nodule, 0 is none.
        patients: CSV with the columns seriesuid and patient, for files that name no patient, and
            perhaps marked: complete or partly.
    """

    nodules: Path | None = None
    series: Path | None = None
    masks: Path | None = None
    structures: tuple[str, ...] = ()
    candidates: Path | None = None
    patients: Path | None = None


@dataclass(frozen=True)
class _Tables:
    """The tables by series.

    Args:
        nodules: of each series that has any.
        rows: the line of each of these nodules.
        place: file and, in a table, line that names each series first.
        problems: rows that cannot be read.
        candidates: looked-at places of each series that has any.
        whose: the patient of each series that a table names, and how far it is marked.
    """

    nodules: Mapping[str, list[Nodule]] = field(default_factory=dict)
    rows: Mapping[str, list[int]] = field(default_factory=dict)
    place: Mapping[str, tuple[Path, int | None]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    candidates: Mapping[str, list[LabelledCandidate]] = field(default_factory=dict)
    whose: WhoseScans = field(default_factory=lambda: WhoseScans({}, {}))


def find_folder(path: Path, truth: FolderTruth, progress: Progress | None = None) -> Found:
    """Find the scans that something is known of.

    Args:
        path: searched to any depth.
        truth: what is known.
        progress: called with (files done, files in all).

    Raises:
        NodulusError: the path or a table cannot be read, or no scan is one that they name.
    """
    tables = _read_tables(truth, path)
    index = index_dicom(path, progress)
    problems = [*tables.problems, *_broken(index, path)]
    images = _images(path, index, problems)
    there = {uid for uid, series in index.series.items() if series.modality == "CT"}
    there |= images.keys()
    masks = Masks()
    if truth.masks is not None:
        known = index if truth.masks == path else None
        masks = find_masks(truth.masks, known, set(images), there)
        problems += masks.problems
    # a mask may be of a PET as well, which is not what is asked for
    of_masks = {uid for uid in masks.names(index) if uid in there or uid not in index.series}
    wanted = {*tables.place, *of_masks}
    problems += _not_there(wanted - there, tables, masks, problems)
    scans = [
        _scan(name, index, images, tables, masks, truth, problems)
        for name in sorted(wanted & there)
    ]
    others = sorted(there - wanted)
    if others:
        message = (
            f"nothing is known of {count(len(others), 'CT scan')}, such as series {others[0]}; "
            "left out"
        )
        problems.append(Problem(ProblemKind.SERIES_UNANNOTATED, message, path))
    if not scans:
        first = f" The first problem: {problems[0]}." if problems else ""
        raise NodulusError(
            ErrorCode.NO_CT_SERIES,
            f"None of {count(len(there), 'scan')} here is one of the {len(wanted):,} that the "
            f"tables and masks name.{first}",
            remedy="The tables name a DICOM series by its SeriesInstanceUID, another file by its "
            "name without the ending.",
            subject=path,
        )
    return Found("folder", scans, problems, {"series": len(wanted)})


def _read_tables(truth: FolderTruth, scans: Path) -> _Tables:
    nodules: dict[str, list[Nodule]] = {}
    rows: dict[str, list[int]] = {}
    place: dict[str, tuple[Path, int | None]] = {}
    candidates: dict[str, list[LabelledCandidate]] = {}
    whose = WhoseScans({}, {})
    problems: list[Problem] = []
    if truth.nodules is not None and is_point_truth(truth.nodules):
        for nodule, path in known_nodules(truth.nodules, [scans]):
            nodules.setdefault(nodule.series_uid, []).append(nodule)
            place.setdefault(nodule.series_uid, (path, None))
    elif truth.nodules is not None:
        with table_errors(truth.nodules):
            nodules, rows, found = read_nodule_rows(truth.nodules)
        problems += found
        place = {uid: (truth.nodules, lines[0]) for uid, lines in rows.items()}
    if truth.series is not None:
        with table_errors(truth.series):
            listed, found = read_series_list(truth.series)
        problems += found
        place |= {u: (truth.series, n) for u, n in listed.items() if u not in place}
    if truth.candidates is not None:
        with table_errors(truth.candidates):
            candidates, found = read_candidate_rows(truth.candidates)
        problems += found
    if truth.patients is not None:
        with table_errors(truth.patients):
            whose = read_patients(truth.patients)
    return _Tables(nodules, rows, place, tuple(problems), candidates, whose)


def _broken(index: DicomIndex, path: Path) -> list[Problem]:
    return [
        Problem(ProblemKind.IMAGE_BROKEN, error.message, Path(error.subject or path))
        for error in index.problems
    ]


def _images(path: Path, index: DicomIndex, problems: list[Problem]) -> dict[str, Path]:
    """The scans that are not DICOM, by name; two of one name are left out."""
    files: dict[str, list[Path]] = defaultdict(list)
    for file in list_files(path).files:
        if is_research_format(file) and not is_label_image(file):
            files[stem(file)].append(file)
    found = {}
    for name, (first, *others) in files.items():
        if name in index.series:
            others = [*others, *index.series[name].files[:1]]
        if others:
            message = f"{_listed(others)} claims the same series; all of them are left out"
            problems.append(Problem(ProblemKind.UID_TWICE, message, first, series_uid=name))
        else:
            found[name] = first
    return found


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(str(path) for path in paths)


def _not_there(
    names: Iterable[str], tables: _Tables, masks: Masks, known: Iterable[Problem]
) -> list[Problem]:
    """One problem for each series that is named and not in the folder, or not usable there."""
    twice = {p.series_uid for p in known if p.kind is ProblemKind.UID_TWICE}
    problems = []
    for name in sorted(names):
        if name in twice:
            continue
        nodules = len(tables.nodules.get(name, ()))
        path, row = tables.place.get(name, (masks.first_file(name), None))
        message = f"no CT of this series is on disk; {count(nodules, 'nodule')} of it left out"
        problems.append(Problem(ProblemKind.SERIES_NOT_ON_DISK, message, path, row, name))
    return problems


def _scan(
    name: str,
    index: DicomIndex,
    images: Mapping[str, Path],
    tables: _Tables,
    masks: Masks,
    truth: FolderTruth,
    problems: list[Problem],
) -> TrainingScan:
    rule = MaskRule(truth.structures, has_table=name in tables.place)
    patient: str | None = None
    if name in images:
        label = masks.images.get(name)
        own = masks.of_image(name)
        load = partial(load_image, images[name], name, label, own, rule)
        files = (images[name], *([label] if label else []), *(mask.path for mask in own))
        facts = {}
    else:
        series = index.series[name]
        own = masks.of(series)
        load = partial(load_dicom, series.files, name, own, rule)
        files = (*series.files, *(mask.path for mask in own))
        facts = series_facts(series.files[0])
        patient = patient_token(series.files[0])
    if patient is None and name in tables.whose.patients:
        patient = named_patient(tables.whose.patients[name])
    if name in tables.whose.marked:
        facts = {**facts, MARKED: tables.whose.marked[name]}
    if patient is None:
        message = "the scan does not say whose it is; its name stands for the patient"
        problems.append(Problem(ProblemKind.PATIENT_UNKNOWN, message, files[0], series_uid=name))
    return TrainingScan(
        series_uid=name,
        patient_id=patient or name,
        load=load,
        source_files=files,
        recipe=f"folder 1 {rule!r}",
        nodules=tuple(tables.nodules.get(name, ())),
        candidates=tuple(tables.candidates.get(name, ())),
        facts=facts,
        table=truth.nodules,
        table_rows=tuple(tables.rows.get(name, ())),
    )
