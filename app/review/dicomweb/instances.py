"""The DICOM instances of studies: what came in, and what was made of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from pydicom import Dataset, dcmread

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


class Instances(ABC):
    """Finds instances by their UIDs; headers of the studies that were asked for last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[tuple[object, ...], tuple[Instance, ...]]] = (
            OrderedDict()
        )
        self._lock = Lock()

    @abstractmethod
    def files(self, study_uid: str) -> Sequence[Path]:
        """Give the DICOM files of a study.

        Args:
            study_uid: StudyInstanceUID.

        Raises:
            NodulusError: ``study-not-found``.
        """

    @abstractmethod
    def study_uids(self) -> list[str]:
        """StudyInstanceUIDs of all studies that may be asked for."""

    def of_study(self, study_uid: str) -> tuple[Instance, ...]:
        """Give a study's instances, by series, number and UID, each once.

        Args:
            study_uid: StudyInstanceUID.

        Raises:
            NodulusError: ``study-not-found``.
        """
        files = self.files(study_uid)
        stamp = tuple((file, file.stat().st_mtime_ns) for file in files)
        with self._lock:
            known = self._kept.get(study_uid)
            if known is not None and known[0] == stamp:
                self._kept.move_to_end(study_uid)
                return known[1]
        read = (Instance(file, dcmread(file, stop_before_pixels=True)) for file in files)
        found = sorted(
            {one.uid: one for one in read}.values(),
            key=lambda i: (i.series_uid, int(i.header.get("InstanceNumber") or 0), i.uid),
        )
        with self._lock:
            self._kept[study_uid] = stamp, tuple(found)
            while len(self._kept) > _STUDIES_KEPT:
                self._kept.popitem(last=False)
        return tuple(found)
