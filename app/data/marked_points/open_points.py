"""From paths to marked points, whatever their format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from nodulus.app.data.lidc_labels.xml_reading import is_lidc_xml
from nodulus.app.data.marked_points.lidc_points import lidc_nodules
from nodulus.app.data.marked_points.marked_points import MarkedPoints, refused
from nodulus.app.data.marked_points.markups import MARKUPS_SUFFIX, read_markups
from nodulus.app.data.marked_points.measurement_report import SR_CLASSES, read_measurement_report
from nodulus.app.reading.files import list_files, may_be_dicom
from nodulus.bundles.common.data.tables import Nodule


class SopFiles:
    """Finds DICOM files by their SOPInstanceUID; the folders are read when first asked.

    Args:
        paths: files, and folders that are searched to any depth.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._files: dict[str, Path] | None = None

    def find(self, uid: str) -> Path | None:
        """The file of an object; None where it is not there."""
        if self._files is None:
            self._files = {}
            for path in self._paths:
                for file in list_files(path).files:
                    if (found := _head(file)) is not None:
                        self._files.setdefault(str(found.get("SOPInstanceUID")), file)
        return self._files.get(uid)


def is_markups(path: Path) -> bool:
    """Whether the name is that of 3D Slicer's markups."""
    return path.name.lower().endswith(MARKUPS_SUFFIX)


def is_report(path: Path) -> bool:
    """Whether a file is a DICOM structured report that may hold measurements."""
    head = _head(path)
    return head is not None and str(head.get("SOPClassUID")) in SR_CLASSES


def open_points(
    path: Path, others: Iterable[Path] = (), *, named_only: bool = False
) -> MarkedPoints:
    """Read one file of markups, or one DICOM report.

    Args:
        path: the file.
        others: where the segmentations and images lie that a report refers to, beside its folder.
        named_only: of a report, only what it calls a nodule.

    Raises:
        NodulusError: ``input-not-readable``: it is neither, or cannot be read.
    """
    if is_markups(path):
        return read_markups(path)
    find = SopFiles((path.parent, *others)).find
    return read_measurement_report(path, find, named_only=named_only)


def known_nodules(path: Path, others: Iterable[Path] = ()) -> list[tuple[Nodule, Path]]:
    """Read nodules that are the truth from markups, reports and XML, each with its file.

    Args:
        path: a file, or a folder that is searched to any depth.
        others: see :func:`open_points`.

    Raises:
        NodulusError: ``input-not-readable``: a file cannot be read, names no series or several, or
            a nodule has no size; or the folder holds no such file.
    """
    others = tuple(others)
    xml_files = SopFiles((path.parent if path.is_file() else path, *others))
    files = [path] if path.is_file() else _point_files(path)
    if not files:
        raise refused(
            path,
            "It holds no markups of 3D Slicer (.mrk.json), DICOM SR with measurements, or XML of"
            " LIDC-IDRI.",
            "Give a table in LUNA16's form, or a folder with such files.",
        )
    return [
        (nodule, file)
        for file in files
        for nodule in (
            lidc_nodules(file, xml_files.find)
            if is_lidc_xml(file)
            else _nodules(open_points(file, others))
        )
    ]


def is_point_truth(path: Path) -> bool:
    """Whether a path is to be read by :func:`known_nodules`, and not as a table."""
    if path.is_dir() or is_markups(path) or is_lidc_xml(path):
        return True
    return path.is_file() and is_report(path)


def _point_files(folder: Path) -> list[Path]:
    files = list_files(folder).files
    return [file for file in files if is_markups(file) or is_lidc_xml(file) or is_report(file)]


def _nodules(found: MarkedPoints) -> list[Nodule]:
    if len(found.series_uids) != 1:
        raise refused(
            found.path,
            f"It refers to {len(found.series_uids)} CT series, so that its nodules have no scan.",
            "Give a report of one CT series.",
        )
    (series,) = found.series_uids
    nodules = []
    for point in found.points:
        if point.diameter_mm is None:
            raise refused(
                found.path,
                f"Its mark {point.name!r} has no size, and a known nodule has a diameter.",
                "Draw a line through it, or measure it.",
            )
        nodules.append(Nodule(series, point.center_lps_mm, point.diameter_mm))
    return nodules


def _head(path: Path) -> pydicom.Dataset | None:
    if not may_be_dicom(path):
        return None
    try:
        return pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=["SOPClassUID", "SOPInstanceUID"]
        )
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, NotImplementedError):
        return None
