"""Candidates of a folder with files of many studies: each scan has those that are of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from nodulus.app.candidates.problems import invalid
from nodulus.app.data.marked_points.markups import MARKUPS_SUFFIX
from nodulus.app.data.marked_points.measurement_report import SR_CLASSES
from nodulus.app.data.masks.find_masks import find_mask_files
from nodulus.app.data.masks.rtstruct import RTSTRUCT_CLASS
from nodulus.app.data.masks.seg_reader import SEG_CLASSES
from nodulus.app.data.masks.slicer_segmentation import scan_name
from nodulus.app.errors import NodulusError
from nodulus.app.marks import CandidateSource
from nodulus.app.reading.files import RESEARCH_SUFFIXES, list_files, may_be_dicom, stem
from nodulus.app.reading.map_files import map_files
from nodulus.app.reading.research import is_label_image
from nodulus.app.volume import CtVolume, VolumeWarning

OpenFile: TypeAlias = Callable[[Path, str, "str | None"], CandidateSource]
"""Called with a file, a name, and the label that is asked for; gives its candidates."""

_CLASSES = {*SEG_CLASSES, RTSTRUCT_CLASS, *SR_CLASSES}


@dataclass(frozen=True)
class _File:
    """A file of candidates.

    Args:
        path: the file.
        study_uid: of a DICOM object; None for another file.
        has_labels: whether it may be asked for one of its labels.
    """

    path: Path
    study_uid: str | None
    has_labels: bool

    def label(self, asked_for: str | None) -> str | None:
        """The label to ask it for."""
        return asked_for if self.has_labels else None


class CandidateFolder:
    """A folder, searched to any depth, with files of candidates of many scans.

    A DICOM SEG, RT Structure Set or SR is of the study that it names; of several SEG of a study
    those count that were made on the scan's series, where there are any. Another file is of the
    scan that its name, or that of a folder above it, names: SeriesInstanceUID, StudyInstanceUID,
    or the stem of the scan's file.

    Args:
        path: of the folder.
        name: of the sources; a second file of one scan is called ``NAME 2``.
        label: of segmentations and label images; None for what is called a nodule.
        open_file: opens one file.

    Raises:
        NodulusError: ``candidates-invalid``: it holds none.
    """

    series_uids: frozenset[str] | None = None
    study_uids: frozenset[str] | None = None
    of_any_scan = True

    def __init__(self, path: Path, name: str, label: str | None, open_file: OpenFile) -> None:
        self.path = path
        self.name = name
        self._label = label
        self._open_file = open_file
        self._by_study: dict[str, list[_File]] = defaultdict(list)
        self._by_name: dict[str, list[_File]] = defaultdict(list)
        self._seen: set[Path] = set()
        self._look()
        if not self._by_study and not self._by_name:
            raise invalid(
                path,
                "It is a folder, and neither that of MONAI's bundle lung_nodule_ct_detection, nor"
                " of predictions of nnU-Net, nor one with files of candidates.",
                "Give one file, such a bundle with configs/inference.json in it, a folder with"
                " nnU-Net's dataset.json and label images, or one with DICOM SEG, RTSTRUCT or SR,"
                " or label images, .seg.nrrd or .mrk.json that are named after the scans.",
            )

    def has(self, series_uid: str, study_uid: str | None) -> bool:
        """Whether a file is of a scan.

        Args:
            series_uid: of the scan; the stem of a file that is no DICOM.
            study_uid: None for such a file.
        """
        return bool(self._of(series_uid, study_uid))

    def of_scan(self, volume: CtVolume) -> tuple[list[CandidateSource], list[VolumeWarning]]:
        """See :class:`nodulus.app.marks.ScanSources`."""
        files = self._of(volume.series_uid, volume.study_uid)
        if not files:  # a service runs for long, and files come later
            self._look()
            files = self._of(volume.series_uid, volume.study_uid)
        if not files:
            text = f"The candidates {self.name!r} have no file of this scan."
            return [], [VolumeWarning("candidates-none", text)]
        sources = [
            self._open_file(file.path, numbered(self.name, n), file.label(self._label))
            for n, file in enumerate(files, start=1)
        ]
        return sources, []

    def _look(self) -> None:
        """Look for files that were not there before."""
        new = [path for path in _listed(self.path) if path not in self._seen]
        self._seen.update(new)
        for file in _files(new):
            if file.study_uid is not None:
                self._by_study[file.study_uid].append(file)
                continue
            for given in _names(file.path, self.path):
                self._by_name[given].append(file)

    def _of(self, series_uid: str, study_uid: str | None) -> list[_File]:
        dicom = self._by_study.get(study_uid or "", [])
        named = [
            file for uid in (series_uid, study_uid) if uid for file in self._by_name.get(uid, [])
        ]
        found = dict.fromkeys([*_of_series(dicom, series_uid), *named])
        return sorted((f for f in found if not _is_scan(f.path)), key=lambda file: file.path)


def numbered(name: str, number: int) -> str:
    """The name of one of several sources; the first has the name alone."""
    return name if number == 1 else f"{name} {number}"


def _is_scan(path: Path) -> bool:
    """Whether a file is a CT that lies among its candidates."""
    is_image = path.name.lower().endswith(RESEARCH_SUFFIXES) and scan_name(path) is None
    return is_image and not is_label_image(path)


def _of_series(files: Sequence[_File], series_uid: str) -> list[_File]:
    """Of masks on several series of a study those on one, where there are any."""
    masks = {mask.path: mask.series_uids for mask in find_mask_files(file.path for file in files)}
    others = [file for file in files if not masks.get(file.path)]
    of_series = [file for file in files if series_uid in masks.get(file.path, ())]
    return [*others, *(of_series or [file for file in files if masks.get(file.path)])]


def marking_objects(paths: Iterable[Path]) -> Iterator[tuple[Path, str, str]]:
    """Find DICOM SEG, RTSTRUCT and SR among files: path, StudyInstanceUID, SOP Class UID."""
    paths = list(paths)
    for path, found in zip(paths, map_files(_object, paths), strict=True):
        if found is not None:
            yield path, *found


def _object(path: Path) -> tuple[str, str] | None:
    from pydicom import dcmread

    try:
        tags = ["SOPClassUID", "StudyInstanceUID"]
        header = dcmread(path, stop_before_pixels=True, specific_tags=tags)
    except Exception:  # a damaged file breaks pydicom in many ways
        return None
    study, sop_class = str(header.get("StudyInstanceUID") or ""), str(header.get("SOPClassUID"))
    return (study, sop_class) if study and sop_class in _CLASSES else None


def _listed(folder: Path) -> tuple[Path, ...]:
    try:
        return list_files(folder).files
    except NodulusError:  # it is empty
        return ()


def _files(files: Iterable[Path]) -> list[_File]:
    dicom: list[Path] = []
    found: list[_File] = []
    for file in files:
        lower = file.name.lower()
        if lower.endswith(RESEARCH_SUFFIXES):
            found.append(_File(file, None, has_labels=True))
        elif lower.endswith(MARKUPS_SUFFIX):
            found.append(_File(file, None, has_labels=False))
        elif may_be_dicom(file):
            dicom.append(file)
    for path, study, sop_class in marking_objects(dicom):
        found.append(_File(path, study, has_labels=sop_class not in SR_CLASSES))
    return found


def _names(path: Path, folder: Path) -> set[str]:
    """What a file may name its scan by: its own name, and those of the folders above it."""
    name = path.name
    if name.lower().endswith(MARKUPS_SUFFIX):
        own = name[: -len(MARKUPS_SUFFIX)]
    else:
        own = scan_name(path) or stem(path)
    return {own, *path.relative_to(folder).parts[:-1]}
