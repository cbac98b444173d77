"""Candidates of what came with the images of a study: segmentations and reports of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.candidates.candidate_folder import OpenFile, marking_objects, numbered
from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.errors import NodulusError
from nodulus.app.marks import CandidateSource, Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume, VolumeWarning

STUDY_SOURCE = "study"
"""By which results call the objects of the study itself; a second one is ``study 2``."""


@dataclass(frozen=True)
class StudyObjects:
    """The DICOM SEG, RTSTRUCT and SR of a study.

    Nobody has chosen them: those that mark no nodule, such as a segmentation of organs or a dose
    report, are passed over, and those that cannot be used are warned of.

    Args:
        paths: of the files.
        open_file: opens one.
        quiet: whether warnings repeat nothing that stands in the files.
    """

    paths: Sequence[Path]
    open_file: OpenFile
    quiet: bool
    name: str = STUDY_SOURCE

    def of_scan(self, volume: CtVolume) -> tuple[list[CandidateSource], list[VolumeWarning]]:
        """See :class:`nodulus.app.marks.ScanSources`."""
        sources: list[CandidateSource] = []
        warnings: list[VolumeWarning] = []
        own = (path for path, study, _ in marking_objects(self.paths) if study == volume.study_uid)
        for path in own:
            try:
                opened = self.open_file(path, numbered(self.name, len(sources) + 1), None)
                marks = opened.marks(volume, lambda _done, _total: None)
            except NodulusError as error:
                if not _is_of_no_nodule(error):
                    warnings.append(self._not_used(error))
                continue
            if marks.marks:
                sources.append(_Read(opened.name, opened.form, opened.sha256, marks))
        if not sources:
            text = "No segmentation or report that came with the images marks a nodule."
            warnings.append(VolumeWarning("candidates-none", text))
        return sources, warnings

    def _not_used(self, error: NodulusError) -> VolumeWarning:
        why = "" if self.quiet else f": {error.message}"
        text = f"A segmentation or report that came with the images was not used{why}"
        return VolumeWarning("candidates-not-used", f"{text.rstrip('.')}.")


def _is_of_no_nodule(error: NodulusError) -> bool:
    cause = error.__cause__
    return isinstance(cause, MaskError) and cause.problem is MaskProblem.NOTHING_CHOSEN


@dataclass(frozen=True, eq=False)
class _Read:
    """A source whose marks are known."""

    name: str
    form: SourceForm
    sha256: str | None
    read: Marks

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        report(1, 1)
        return self.read
