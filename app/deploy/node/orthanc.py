"""The few calls of Orthanc's REST interface that the node needs (orthanc.uclouvain.be/book)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests

from nodulus.app.http_session import http_session
from nodulus.app.reading.discovery import MARKING_MODALITIES, OUR_MANUFACTURER

MARK = 4711
"""Number of the study metadata that says what was done; Orthanc leaves 1024 and above to users."""

_BATCH = 100
_TIMEOUT_S = (10.0, 300.0)
"""To connect, and between two bytes of an answer."""
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class CtStudy:
    """The CT images of a study, and where they are wanted what others have marked in them.

    Args:
        uid: StudyInstanceUID.
        instances: Orthanc's identifiers of these, sorted; none where there is no CT.
    """

    uid: str
    instances: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Changes with what is analysed, and with nothing else in the study."""
        return hashlib.sha256("\n".join(self.instances).encode()).hexdigest()


class Orthanc:
    """One Orthanc. Every call may raise `requests.RequestException`.

    Args:
        url: of its REST interface, such as ``http://orthanc:8042``.
        user: where it asks for one.
        password: of the user.
        with_objects: whether segmentations, structure sets and reports of others count to a study.
    """

    def __init__(
        self,
        url: str,
        user: str | None = None,
        password: str | None = None,
        *,
        with_objects: bool = False,
    ) -> None:
        self.url = url.rstrip("/")
        self._objects = MARKING_MODALITIES if with_objects else ()
        self._session = http_session(user, password)

    def version(self) -> str:
        """Orthanc's version; a call that shows whether it answers and lets us in."""
        return str(self._get("/system")["Version"])

    def newest_change(self) -> int:
        """Number of the latest change, 0 for none."""
        return int(self._get("/changes?last")["Last"])

    def stable_studies(self, since: int) -> tuple[list[str], int, bool]:
        """Studies to which nothing was added for Orthanc's StableAge.

        Args:
            since: number of the last change that is known.

        Returns:
            Orthanc's identifiers, the number of the last change that was looked at, and whether
            that is the latest.
        """
        answer = self._get(f"/changes?since={since}&limit={_BATCH}")
        studies = [c["ID"] for c in answer["Changes"] if c["ChangeType"] == "StableStudy"]
        return studies, int(answer["Last"]), bool(answer["Done"])

    def ct_study(self, study: str) -> CtStudy | None:
        """The CT images of a study, none of Nodulus's own; None where the study is gone."""
        try:
            uid = self._get(f"/studies/{study}")["MainDicomTags"]["StudyInstanceUID"]
            series = self._get(f"/studies/{study}/series")
        except requests.HTTPError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return None
            raise
        instances = _instances(series, ("CT",))
        if instances:
            instances += _instances(series, self._objects)
        return CtStudy(uid, tuple(sorted(instances)))

    def download(self, instance: str, path: Path) -> None:
        """Write one image as a DICOM file."""
        url = f"{self.url}/instances/{instance}/file"
        with self._session.get(url, stream=True, timeout=_TIMEOUT_S) as answer:
            answer.raise_for_status()
            with path.open("wb") as file:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    file.write(chunk)

    def store(self, path: Path) -> str:
        """Store a DICOM file; one that is there already is left as it is.

        Returns:
            Orthanc's identifier of the instance.
        """
        answer = self._post("/instances", data=path.read_bytes())
        return str(answer["ID"])

    def modalities(self) -> list[str]:
        """Names of the modalities in Orthanc's configuration."""
        return [str(name) for name in self._get("/modalities")]

    def send(self, modality: str, instances: Iterable[str]) -> None:
        """C-STORE instances to a modality of Orthanc's configuration, and wait for the outcome."""
        job = {"Resources": list(instances), "Synchronous": True}
        self._post(f"/modalities/{modality}/store", json=job)

    def mark(self, study: str) -> str:
        """What `set_mark` wrote about a study, empty for nothing."""
        answer = self._session.get(self._mark_url(study), timeout=_TIMEOUT_S)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return ""
        answer.raise_for_status()
        return answer.text

    def set_mark(self, study: str, text: str) -> None:
        """Keep a line about a study in Orthanc; it goes when the study goes."""
        answer = self._session.put(self._mark_url(study), data=text, timeout=_TIMEOUT_S)
        answer.raise_for_status()

    def _mark_url(self, study: str) -> str:
        return f"{self.url}/studies/{study}/metadata/{MARK}"

    def _get(self, path: str) -> Any:
        answer = self._session.get(self.url + path, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, **content: Any) -> Any:
        answer = self._session.post(self.url + path, timeout=_TIMEOUT_S, **content)
        answer.raise_for_status()
        return answer.json()


def _instances(series: list[Any], modalities: Iterable[str]) -> list[str]:
    """What is in the series of these modalities, but for Nodulus' own."""
    return [
        str(instance)
        for one in series
        if one["MainDicomTags"].get("Modality") in modalities
        and one["MainDicomTags"].get("Manufacturer") != OUR_MANUFACTURER
        for instance in one["Instances"]
    ]


def _status(error: requests.HTTPError) -> int | None:
    return None if error.response is None else error.response.status_code
