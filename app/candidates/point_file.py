"""Candidates of a file of points: DICOM SR (TID 1500) or markups of 3D Slicer."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread

from nodulus.app.candidates.placed_marks import placed_marks
from nodulus.app.candidates.problems import invalid
from nodulus.app.candidates.same_space import check_same_space
from nodulus.app.data.marked_points.open_points import is_markups, open_points
from nodulus.app.errors import NodulusError
from nodulus.app.marks import Mark, Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume
from nodulus.bundles.common.atomic_files import sha256


class PointFile:
    """A DICOM SR with measurement groups, or a ``.mrk.json``: a nodule is a mark at its centre.

    The segmentations that a report refers to lie in its folder.

    Args:
        path: of the file.
        name: of the source.
        named_only: of a report, only what it calls a nodule.
    """

    series_uids: frozenset[str] | None = None
    of_any_scan = False

    def __init__(self, path: Path, name: str, *, named_only: bool = False) -> None:
        self.name = name
        self._named_only = named_only
        self.sha256 = sha256(path)
        self.path = path
        self.form: SourceForm = "markups" if is_markups(path) else "dicom-sr"
        self.study_uids: frozenset[str] | None = None
        if self.form == "dicom-sr":
            header = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
            self.study_uids = frozenset({str(header.get("StudyInstanceUID") or "")})

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        try:
            found = open_points(
                self.path,
                {image.path for image in volume.source_images},
                named_only=self._named_only,
            )
        except NodulusError as error:
            raise invalid(self.path, error.message, error.remedy) from error
        report(1, 1)
        if self.form == "markups":
            marks = [Mark(point.center_lps_mm) for point in found.points]
            return placed_marks(marks, volume, self.name, self.path)
        if volume.study_uid not in (None, *(self.study_uids or ())):
            return placed_marks([], volume, self.name, self.path, algorithm=found.algorithm)
        warnings = check_same_space(
            volume, self.name, self.path, found.frame_of_reference_uid, found.series_uids
        )
        return placed_marks(
            [Mark(point.center_lps_mm) for point in found.points],
            volume,
            self.name,
            self.path,
            warnings=warnings,
            algorithm=found.algorithm,
        )
