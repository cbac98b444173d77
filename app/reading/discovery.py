"""From a path to the studies that can be read from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.progress import Progress
from nodulus.app.reading.archive import Archives, is_archive
from nodulus.app.reading.dicom_file import read_headers
from nodulus.app.reading.dicom_volume import load_plan
from nodulus.app.reading.files import is_research_format, list_files, may_be_dicom, stem
from nodulus.app.reading.identity import by_person, says_most, study_warnings
from nodulus.app.reading.map_files import map_files
from nodulus.app.reading.media_directory import is_media_directory, referenced_files
from nodulus.app.reading.research import is_label_image, read_research
from nodulus.app.reading.safe_key import safe_key, study_key
from nodulus.app.reading.series_choice import choose_series
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.reading.slice_plan import SlicePlan
from nodulus.app.reading.stacks import Stack, split_series
from nodulus.app.result import SeriesChoice
from nodulus.app.volume import CtVolume, VolumeWarning

MARKING_MODALITIES = ("SEG", "RTSTRUCT", "SR")
"""Of objects that mark places in other images."""
OUR_MANUFACTURER = "Nodulus"
"""Of the objects that Nodulus makes."""


@dataclass(frozen=True, eq=False)
class StudyInput:
    """One study, with the series that is to be read.

    Args:
        key: StudyInstanceUID, or the file's stem for research formats; a safe folder name.
        considered: every series (or part of one) with the reason why it was chosen or not.
        chosen: a slice plan for DICOM, the file for research formats, None where none fits.
        notes: warnings that are known before loading.
        error: why none fits.
        archives: what the series was unpacked by, if it was; open until results are written.
        ahead: gives the volume where another process has read it, else None.
        named_by: the image that says most of whose study it is; None for research formats.
        patients: how many patients the images under the StudyInstanceUID are of.
        objects: files of segmentations, structure sets and reports that came with the images,
            but for Nodulus' own.
    """

    key: str
    considered: tuple[SeriesChoice, ...]
    chosen: SlicePlan | Path | None
    notes: tuple[VolumeWarning, ...] = ()
    error: NodulusError | None = None
    archives: Archives | None = None
    ahead: Callable[[], CtVolume | None] | None = None
    named_by: SliceHeader | None = None
    patients: int = 1
    objects: tuple[Path, ...] = ()

    def load(self, progress: Progress | None = None) -> CtVolume:
        """Read the chosen series.

        Args:
            progress: called with (images done, images in all).

        Raises:
            NodulusError: none fits (``error``), or reading it fails.
        """
        if self.chosen is None:
            raise self.error or NodulusError(
                ErrorCode.NO_CT_SERIES,
                "No series fits.",
                remedy="Give a chest CT.",
                subject=self.key,
            )
        read = None if self.ahead is None else self.ahead()
        if read is not None:
            if progress is not None:
                progress(1, 1)
            return read
        try:
            return self._read(self.chosen, progress)
        except NodulusError as error:
            if self.archives is None:
                raise
            raise self.archives.named(error) from error.__cause__

    def _read(self, chosen: SlicePlan | Path, progress: Progress | None) -> CtVolume:
        if isinstance(chosen, SlicePlan):
            return load_plan(chosen, self.notes, progress)
        volume = read_research(chosen)
        if progress is not None:
            progress(1, 1)
        return replace(volume, warnings=(*self.notes, *volume.warnings))


@dataclass(frozen=True, eq=False)
class Discovery:
    """What a path holds.

    Args:
        studies: in the order of their keys; some may have an ``error`` instead of a series.
        problems: files that could not be used, each named; the rest is read all the same.
        ignored: how many files are no CT input (text, pictures, masks, DICOMDIR, results).
    """

    studies: tuple[StudyInput, ...]
    problems: tuple[NodulusError, ...]
    ignored: int = 0


def find_studies(
    path: Path, progress: Progress | None = None, archives: Archives | None = None
) -> Discovery:
    """Find every study at or under a path, and choose the series of each.

    Only headers are read.

    Args:
        path: a folder, searched through, or one file; a DICOMDIR stands for the files that it
            refers to.
        progress: called with (files done, files in all).
        archives: unpacks zip files, which are passed over without it; to be kept open until
            results are written.

    Raises:
        NodulusError: the path does not exist, cannot be read, is empty, or holds no image.
    """
    path = Path(path)
    files, refused, left_out = _input_files(path, archives)
    dicom, problems, used = _scan([file for file in files if _may_be_input(file, path)], progress)
    problems = refused + problems
    unread = {Path(problem.subject) for problem in problems if problem.subject}
    # Of these the study itself knows.
    unread -= {header.path for header in dicom}
    if archives is not None:
        problems = [archives.named(problem) for problem in problems]
    studies = _dicom_studies(dicom)
    research = [file for file in files if is_research_format(file)]
    volumes = [file for file in research if file == path or not is_label_image(file)]
    studies += _research_studies(volumes)
    studies = [replace(_with_unread(study, unread), archives=archives) for study in studies]
    if not studies and not problems:
        raise NodulusError(
            ErrorCode.NO_IMAGES,
            f"None of {len(files):,} files is a DICOM, NIfTI, MetaImage or NRRD image."
            if path.is_dir()
            else "The file is no DICOM, NIfTI, MetaImage or NRRD image.",
            remedy="Give a folder with a CT series.",
            subject=path,
        )
    return Discovery(
        studies=tuple(sorted(studies, key=lambda study: study.key)),
        problems=tuple(problems),
        ignored=len(files) - used - len(volumes) + left_out,
    )


def load_volume(path: Path | str) -> CtVolume:
    """Read a folder or file that holds exactly one study with a usable series.

    Args:
        path: a DICOM folder, nested and mixed as it may be, a zip file, a DICOMDIR, or a NIfTI,
            MHD or NRRD file.

    Returns:
        Hounsfield units with their position in the patient.

    Raises:
        NodulusError: there is none, or more than one.

    Examples:
        >>> import nodulus
        >>> volume = nodulus.load_volume("CT_FOLDER")
        >>> slices, rows, columns = volume.hu.shape
        >>> distance_mm, row_mm, column_mm = volume.geometry.spacing_irc_mm
    """
    path = Path(path)
    found = find_studies(path)
    usable = [study for study in found.studies if study.chosen is not None]
    if len(usable) == 1:
        return usable[0].load()
    if usable:
        raise NodulusError(
            ErrorCode.INCONSISTENT_SERIES,
            f"There are {len(usable)} studies.",
            remedy="Give the folder or file of one of them.",
            subject=path,
        )
    raise next((study.error for study in found.studies if study.error), None) or found.problems[0]


def _input_files(
    path: Path, archives: Archives | None
) -> tuple[list[Path], list[NodulusError], int]:
    """The files of an input, those of zip files and of a DICOMDIR among them.

    Returns:
        The files, what could not be looked at, and how many are of Nodulus' own results.
    """
    files: list[Path] = []
    listing = list_files(path)
    problems: list[NodulusError] = list(listing.problems)
    for file in listing.files:
        if archives is not None and is_archive(file, by_itself=file == path):
            unpacked = _unpacked(file, archives)
            if not isinstance(unpacked, NodulusError):
                files += unpacked
                problems += [_nested(inner) for inner in unpacked if is_archive(inner)]
            elif file == path:
                raise unpacked
            else:
                problems.append(unpacked)
        elif file == path and is_media_directory(file):
            return *referenced_files(file), 0
        else:
            files.append(file)
    return files, problems, listing.left_out


def _unpacked(archive: Path, archives: Archives) -> list[Path] | NodulusError:
    try:
        return archives.unpack(archive)
    except NodulusError as error:
        return error


def _nested(archive: Path) -> NodulusError:
    return NodulusError(
        ErrorCode.ARCHIVE_REFUSED,
        "A zip file within a zip file is not unpacked.",
        remedy="Unpack the outer one and give the folder.",
        subject=archive,
    )


def _with_unread(study: StudyInput, unread: set[Path]) -> StudyInput:
    """Say so where something beside a study's files could not be read: it may be part of it.

    Args:
        study: any.
        unread: files and folders that could not be read.
    """
    if not isinstance(study.chosen, SlicePlan):
        return study
    folders = {header.path.parent for header in study.chosen.slices}
    if not any(path in folders or path.parent in folders for path in unread):
        return study
    warning = VolumeWarning(
        "input-not-all-read",
        "Some of what lies beside the images could not be read (the errors of this run name it): "
        "slices may be missing, also at an end, where a gap does not show.",
    )
    return replace(study, notes=(*study.notes, warning))


def _may_be_input(file: Path, path: Path) -> bool:
    return not is_research_format(file) and (file == path or may_be_dicom(file))


def _scan(
    files: list[Path], progress: Progress | None
) -> tuple[list[SliceHeader], list[NodulusError], int]:
    """Headers of all files, what could not be read, and how many files are one or the other."""
    headers: list[SliceHeader] = []
    problems: list[NodulusError] = []
    used = 0
    for done, result in enumerate(map_files(_try_headers, files), start=1):
        used += isinstance(result, NodulusError) or bool(result)
        if isinstance(result, NodulusError):
            problems.append(result)
        else:
            headers += result
            problems += [_damaged(header) for header in result[:1] if header.damage]
        if progress is not None:
            progress(done, len(files))
    return headers, problems, used


def _try_headers(file: Path) -> list[SliceHeader] | NodulusError:
    try:
        return read_headers(file)
    except NodulusError as error:
        return error


def _damaged(header: SliceHeader) -> NodulusError:
    return NodulusError(
        ErrorCode.TRUNCATED_FILE,
        f"The file is damaged: {header.damage}.",
        remedy="Copy the file again from its source.",
        subject=header.path,
    )


def _dicom_studies(headers: Iterable[SliceHeader]) -> list[StudyInput]:
    """One study for each StudyInstanceUID and, where it is of several, each person."""
    by_uid: dict[str, list[SliceHeader]] = defaultdict(list)
    studies_of_series: dict[str, set[str]] = defaultdict(set)
    for header in headers:
        by_uid[header.study_uid].append(header)
        studies_of_series[header.series_uid].add(header.study_uid)
    studies = []
    for uid, images in by_uid.items():
        people = by_person(images)
        for number, own in enumerate(people, start=1):
            key = study_key(uid) if len(people) == 1 else f"{study_key(uid)}~patient-{number}"
            study = _dicom_study(key, uid, own)
            if isinstance(study.chosen, SlicePlan):
                others = len(studies_of_series[study.chosen.slices[0].series_uid]) - 1
                more = study_warnings(len(people), others)
                study = replace(study, notes=(*study.notes, *more))
            study = replace(study, named_by=says_most(own), patients=len(people))
            studies.append(replace(study, objects=_objects(own)))
    return studies


def _objects(headers: Iterable[SliceHeader]) -> tuple[Path, ...]:
    """What others have marked in a study; a file with several frames has several headers."""
    files = {
        header.path
        for header in headers
        if header.modality in MARKING_MODALITIES and header.manufacturer != OUR_MANUFACTURER
    }
    return tuple(sorted(files))


def _dicom_study(key: str, study_uid: str, headers: list[SliceHeader]) -> StudyInput:
    series: dict[str, list[SliceHeader]] = defaultdict(list)
    for header in headers:
        series[header.series_uid].append(header)
    stacks: list[Stack] = []
    for uid in sorted(series):
        stacks += split_series(series[uid])
    choice = choose_series(stacks, study_uid)
    plan = None if choice.chosen is None else choice.chosen.plan
    return StudyInput(key, choice.considered, plan, choice.notes, choice.error)


def _research_studies(files: list[Path]) -> list[StudyInput]:
    studies: list[StudyInput] = []
    keys: dict[str, int] = defaultdict(int)
    for file in files:
        key = safe_key(stem(file))
        keys[key] += 1
        if keys[key] > 1:
            key = f"{key}~{keys[key]}"
        reason = "Chosen: the file holds one volume."
        choice = SeriesChoice(series_uid=stem(file), chosen=True, reason=reason)
        studies.append(StudyInput(key, (choice,), file))
    return studies
