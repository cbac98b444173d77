"""The instances of the studies on a desk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.desk import Desk
from nodulus.app.review.dicomweb.instances import Instances


class DeskInstances(Instances):
    """The images that results were made of, and the DICOM objects of the results.

    Args:
        desk: with the studies.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def files(self, study_uid: str) -> Sequence[Path]:
        """Give the images of the series that was analysed, and the objects beside findings.json.

        Args:
            study_uid: StudyInstanceUID.

        Raises:
            NodulusError: ``study-not-found``.
        """
        studies = [s for s in self._desk.studies() if s.result.study_uid == study_uid]
        if not studies:
            raise NodulusError(
                ErrorCode.STUDY_NOT_FOUND,
                "There is no such study here.",
                remedy="Go back to the work list and open the study from there.",
            )
        found: list[Path] = []
        for study in studies:
            found += self._desk.image_files(study)
            found += sorted(study.source.folder.glob("*.dcm"))
        return list(dict.fromkeys(found))

    def study_uids(self) -> list[str]:
        """StudyInstanceUIDs of the studies that are DICOM and whose images can be had."""
        uids = (s.result.study_uid for s in self._desk.studies() if self._desk.has_images(s))
        return list(dict.fromkeys(uid for uid in uids if uid is not None))
