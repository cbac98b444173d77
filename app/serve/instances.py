"""The DICOM instances of the service's studies: what came in, and what was made of it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from pydicom import Dataset, dcmread

from nodulus.app.serve.intake import study_id
from nodulus.app.serve.service import Service

_STUDIES_KEPT = 50


@dataclass(frozen=True, eq=False)
class Instance:
    """One instance.

    Args:
        path: its file.
        header: its data set without pixel data.
    """

    path: Path
    header: Dataset

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.header.get("SeriesInstanceUID", ""))

    @property
    def uid(self) -> str:
        """SOPInstanceUID."""
        return str(self.header.get("SOPInstanceUID", ""))

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return int(self.header.get("NumberOfFrames") or 1)


class Instances:
    """Finds instances by their UIDs; headers of the studies that were asked for last are kept.

    Args:
        service: has the studies.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._kept: OrderedDict[str, tuple[tuple[object, ...], tuple[Instance, ...]]] = (
            OrderedDict()
        )
        self._lock = Lock()

    def of_study(self, study_uid: str) -> tuple[Instance, ...]:
        """Give a study's instances, by series, number and UID.

        Args:
            study_uid: StudyInstanceUID.

        Raises:
            NodulusError: ``study-not-found``.
        """
        study = self._service.queue.study(study_id(study_uid))
        files = sorted(self._service.intake.folder(study.id).iterdir())
        for _, folder, _ in study.results:
            files += sorted((self._service.results / folder).rglob("*.dcm"))
        stamp = tuple((file, file.stat().st_mtime_ns) for file in files)
        with self._lock:
            known = self._kept.get(study_uid)
            if known is not None and known[0] == stamp:
                self._kept.move_to_end(study_uid)
                return known[1]
        found = [Instance(file, dcmread(file, stop_before_pixels=True)) for file in files]
        found.sort(key=lambda i: (i.series_uid, int(i.header.get("InstanceNumber") or 0), i.uid))
        with self._lock:
            self._kept[study_uid] = stamp, tuple(found)
            while len(self._kept) > _STUDIES_KEPT:
                self._kept.popitem(last=False)
        return tuple(found)

    def study_uids(self) -> list[str]:
        """StudyInstanceUIDs of all studies whose images are complete, the newest first."""
        _, studies = self._service.queue.studies(
            ("waiting", "running", "done", "refused", "failed"), limit=10_000
        )
        return [study.study_uid for study in studies if study.study_uid is not None]
