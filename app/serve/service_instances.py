"""The instances of the service's studies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodulus.app.review.dicomweb.instances import Instances
from nodulus.app.serve.intake import study_id
from nodulus.app.serve.service import Service


class ServiceInstances(Instances):
    """What came in, and what was made of it.

    Args:
        service: has the studies.
    """

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service

    def files(self, study_uid: str) -> Sequence[Path]:
        """Give the files that came, and those of all results.

        Args:
            study_uid: StudyInstanceUID.

        Raises:
            NodulusError: ``study-not-found``.
        """
        study = self._service.queue.study(study_id(study_uid))
        files = sorted(self._service.intake.folder(study.id).glob("*"))
        for _, folder, _ in study.results:
            files += sorted((self._service.results / folder).rglob("*.dcm"))
        return files

    def study_uids(self) -> list[str]:
        """StudyInstanceUIDs of all studies whose images are complete, the newest first."""
        _, studies = self._service.queue.studies(
            ("waiting", "running", "done", "refused", "failed"), limit=10_000
        )
        return [study.study_uid for study in studies if study.study_uid is not None]
