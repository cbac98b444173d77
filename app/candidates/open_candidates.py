"""From a path to a source of candidates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nodulus.app.candidates.problems import invalid
from nodulus.app.data.marked_points.markups import MARKUPS_SUFFIX
from nodulus.app.data.masks.slicer_segmentation import SLICER_SUFFIX
from nodulus.app.data.nnunet.dataset_json import DATASET_FILE
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.dicom_file import looks_like_dicom
from nodulus.app.reading.files import RESEARCH_SUFFIXES, stem
from nodulus.app.result import SEGMENTATION_SOURCE

if TYPE_CHECKING:
    from nodulus.app.candidates.candidate_folder import CandidateFolder
    from nodulus.app.candidates.dicom_seg import DicomSeg
    from nodulus.app.candidates.label_image import LabelImage
    from nodulus.app.candidates.mark_table import MarkTable
    from nodulus.app.candidates.monai_detection.source import MonaiDetection
    from nodulus.app.candidates.nnunet_predictions import NnunetPredictions
    from nodulus.app.candidates.point_file import PointFile
    from nodulus.app.candidates.rtstruct import RtStructureSet
    from nodulus.app.candidates.slicer_segmentation import SlicerSegments

    FileOfCandidates: TypeAlias = (
        MarkTable | LabelImage | SlicerSegments | DicomSeg | RtStructureSet | PointFile
    )
    FileCandidates: TypeAlias = (
        FileOfCandidates | NnunetPredictions | MonaiDetection | CandidateFolder
    )

_TABLES = (".csv", ".tsv", ".txt")
_LONGEST_NAME = 64
"""Characters: as long as a long string (LO) of DICOM may be."""


def open_candidates(
    path: Path | str,
    name: str | None = None,
    *,
    label: str | None = None,
    device: str = "auto",
) -> FileCandidates:
    """Open what another tool marks in scans, for `nodulus.Chain.analyse`.

    Args:
        path: a CSV file in LUNA16's form (``seriesuid, coordX, coordY, coordZ`` in LPS mm, and
            ``probability`` where there is one), a label image (NIfTI, MHD, NRRD), a DICOM SEG,
            RT Structure Set or SR (TID 1500), a segmentation or markups of 3D Slicer
            (``.seg.nrrd``, ``.mrk.json``), a folder of nnU-Net's predictions, the folder of
            MONAI's bundle lung_nodule_ct_detection, or a folder with files of many scans.
        name: by which results call it; None for the file's stem, at most 64 characters of it.
        label: the number or name of the label or segment that is a nodule; None for those that
            are called so, or all.
        device: where a network of the source runs.

    Returns:
        The source; what it marks in a scan is looked up when the scan is analysed.

    Raises:
        NodulusError: ``input-not-found``, ``input-empty`` or ``candidates-invalid``.

    Examples:
        >>> import nodulus
        >>> source = nodulus.open_candidates("marks.csv", "detector of others")
        >>> volume = nodulus.load_volume("CT_FOLDER")
        >>> analysis = nodulus.Chain().analyse(volume, candidates=[source])
        >>> for finding in analysis.findings:
        ...     seen_by = [one.source for one in finding.seen_by]
    """
    path = Path(path)
    _check_there(path)
    given = stem(path)[:_LONGEST_NAME] if name is None else name.strip()
    if given == SEGMENTATION_SOURCE or not 0 < len(given) <= _LONGEST_NAME:
        raise invalid(
            path,
            f"Candidates cannot be called {given[:_LONGEST_NAME]!r}.",
            f"Give another name, of 1 to {_LONGEST_NAME} characters: NAME=FILE.",
        )
    if path.is_dir():
        return _folder(path, given, label, device)
    return open_file(path, given, label)


def open_file(
    path: Path, name: str, label: str | None = None, *, named_only: bool = False
) -> FileOfCandidates:
    """Open one file.

    Args:
        path: see :func:`open_candidates`.
        name: by which results call it.
        label: the number or name of the label or segment that is a nodule.
        named_only: of DICOM objects, only what they call a nodule.

    Raises:
        NodulusError: see :func:`open_candidates`.
    """
    with path.open("rb") as file:
        head = file.read(132)
    lower = path.name.lower()
    if lower.endswith(RESEARCH_SUFFIXES):
        return _label_image(path, name, label)
    if lower.endswith((*_TABLES, MARKUPS_SUFFIX)):
        if label is not None:
            raise invalid(path, "A file of marks has no labels.", "Leave #LABEL out.")
        if lower.endswith(_TABLES):
            from nodulus.app.candidates.mark_table import MarkTable

            return MarkTable(path, name)
        from nodulus.app.candidates.point_file import PointFile

        return PointFile(path, name)
    if looks_like_dicom(head):
        return _dicom(path, name, label, named_only=named_only)
    raise invalid(
        path,
        "It is no table of marks, label image, DICOM object or file of 3D Slicer.",
        "Give a CSV file in LUNA16's form, a label image (.nii, .nii.gz, .mhd, .mha, .nrrd), a"
        " DICOM SEG, RTSTRUCT or SR, or .mrk.json.",
    )


def _label_image(path: Path, name: str, label: str | None) -> LabelImage | SlicerSegments:
    if path.name.lower().endswith(SLICER_SUFFIX):
        from nodulus.app.candidates.slicer_segmentation import SlicerSegments

        return SlicerSegments(path, name, label)
    from nodulus.app.candidates.label_image import LabelImage

    return LabelImage(path, name, label)


def _dicom(
    path: Path, name: str, label: str | None, *, named_only: bool
) -> DicomSeg | RtStructureSet | PointFile:
    """By its SOP class; what is none of them is refused as a segmentation."""
    from pydicom import dcmread

    from nodulus.app.data.marked_points.measurement_report import SR_CLASSES
    from nodulus.app.data.masks.rtstruct import RTSTRUCT_CLASS

    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
        sop_class = str(header.get("SOPClassUID") or "")
    except Exception:  # a damaged file breaks pydicom in many ways
        sop_class = ""
    if sop_class == RTSTRUCT_CLASS:
        from nodulus.app.candidates.rtstruct import RtStructureSet

        return RtStructureSet(path, name, label)
    if sop_class in SR_CLASSES:
        from nodulus.app.candidates.point_file import PointFile

        if label is not None:
            raise invalid(path, "A report has no labels.", "Leave #LABEL out.")
        return PointFile(path, name, named_only=named_only)
    from nodulus.app.candidates.dicom_seg import DicomSeg

    return DicomSeg(path, name, label, named_only=named_only)


def _folder(
    path: Path, name: str, label: str | None, device: str
) -> MonaiDetection | NnunetPredictions | CandidateFolder:
    from nodulus.app.candidates.monai_detection.bundle_settings import is_detection_bundle

    if (path / DATASET_FILE).is_file():
        from nodulus.app.candidates.nnunet_predictions import NnunetPredictions

        return NnunetPredictions(path, name, label)
    if is_detection_bundle(path):
        from nodulus.app.candidates.monai_detection.source import MonaiDetection

        return MonaiDetection(path, name, device)
    from nodulus.app.candidates.candidate_folder import CandidateFolder

    return CandidateFolder(path, name, label, open_file)


def _check_there(path: Path) -> None:
    if path.is_dir():
        return
    if not path.is_file():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            "There is no such file.",
            remedy="Check the path given to --candidates.",
            subject=path,
        )
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"The file cannot be read ({error.strerror}).",
            remedy="Check its permissions.",
            subject=path,
        ) from error
    if size == 0:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            "The file is empty.",
            remedy="Write it again; a scan without marks needs no --candidates.",
            subject=path,
        )
