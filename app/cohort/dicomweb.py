"""Studies of a DICOMweb server (PS3.18): searched by QIDO-RS, fetched by WADO-RS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from nodulus.app.cohort.packages import dicomweb_client
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.discovery import MARKING_MODALITIES

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

SCHEMES = ("http", "https")
USER, PASSWORD, TOKEN = (f"NODULUS_DICOMWEB_{name}" for name in ("USER", "PASSWORD", "TOKEN"))
"""Environment variables with the credentials: a user and a password, or a bearer token."""
_TIMEOUT_S = (10.0, 300.0)
"""To connect, and between two bytes of an answer."""
_PAGE = 500
"""Studies in one answer of a search."""


def is_url(source: str) -> bool:
    """Tell a server from a path."""
    return urlsplit(source).scheme in SCHEMES


@dataclass(frozen=True)
class RemoteStudy:
    """A study of a server; can be pickled.

    Args:
        url: of the DICOMweb service.
        study_uid: StudyInstanceUID.
    """

    url: str
    study_uid: str

    def fetch(self, folder: Path, *, objects: bool = False) -> int:
        """Write the study's CT images into a folder, one at a time.

        Args:
            folder: that only this user may enter.
            objects: whether segmentations, structure sets and reports are wanted too.

        Returns:
            How many images there were.

        Raises:
            NodulusError: ``source-not-reachable``; ``no-ct-series`` where it has no CT series.
            OSError: they cannot be written.
        """
        with _errors_of(self.url):
            client = _client(self.url)
            count = self._fetch_series(client, "CT", folder)
            for modality in MARKING_MODALITIES if objects and count else ():
                self._fetch_series(client, modality, folder)
        if not count:
            raise NodulusError(
                ErrorCode.NO_CT_SERIES,
                "The server has no CT image of this study.",
                remedy="Search for CT alone: put ModalitiesInStudy=CT into the URL.",
                subject=self.study_uid,
            )
        return count

    def _fetch_series(self, client: DICOMwebClient, modality: str, folder: Path) -> int:
        found = client.search_for_series(
            self.study_uid, search_filters={"Modality": modality}, fields=["Modality"]
        )
        count = 0
        for uid in (_value(one, "0020000E") for one in found):
            for instance in client.iter_series(self.study_uid, uid) if uid else ():
                path = folder / f"{modality}-{count:06d}.dcm"
                instance.save_as(path, enforce_file_format=True)
                count += 1
        return count


def search_studies(source: str) -> Iterator[RemoteStudy]:
    """Give the studies that a server has, page by page.

    Args:
        source: URL of the DICOMweb service, with QIDO-RS's filters as its query
            (``https://pacs/dicom-web?StudyDate=20200101-20201231&ModalitiesInStudy=CT``).

    Yields:
        Each study once, in the server's order.

    Raises:
        NodulusError: ``source-not-reachable``, or ``package-missing``.
    """
    parts = urlsplit(source)
    url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    filters = dict(parse_qsl(parts.query))
    seen: set[str] = set()
    with _errors_of(url):
        client = _client(url)
        while True:
            page = client.search_for_studies(
                search_filters=filters or None, limit=_PAGE, offset=len(seen)
            )
            new = [u for study in page if (u := _value(study, "0020000D")) and u not in seen]
            yield from (RemoteStudy(url, uid) for uid in new)
            seen.update(new)
            # A server that does not page gives the same answer again.
            if len(page) < _PAGE or not new:
                return


def _client(url: str) -> DICOMwebClient:
    package = dicomweb_client()
    from nodulus.app.http_session import http_session

    if token := os.environ.get(TOKEN):
        session = http_session()
        session.headers["Authorization"] = f"Bearer {token}"
    else:
        session = http_session(os.environ.get(USER), os.environ.get(PASSWORD))
    client: DICOMwebClient = package.DICOMwebClient(url, session=session, timeout=_TIMEOUT_S)
    return client


@contextmanager
def _errors_of(url: str) -> Iterator[None]:
    """Say what is wrong with a server as an error that a user can act on."""
    import requests

    try:
        yield
    except requests.HTTPError as error:
        status = None if error.response is None else error.response.status_code
        what = "does not let us in" if status in (401, 403) else "refuses the request"
        raise NodulusError(
            ErrorCode.SOURCE_NOT_REACHABLE,
            f"The server {what} (status {status}).",
            remedy=f"Check the URL, its filters, and {USER} and {PASSWORD}, or {TOKEN}.",
            subject=url,
        ) from error
    except (requests.RequestException, ValueError) as error:
        raise NodulusError(
            ErrorCode.SOURCE_NOT_REACHABLE,
            f"The server does not answer as DICOMweb has it ({type(error).__name__}).",
            remedy="Check the URL and the network; the same command goes on with what is left.",
            subject=url,
        ) from error


def _value(answer: Any, tag: str) -> str:
    """The first value of a UID in DICOM JSON (PS3.18 F.2); empty where there is none."""
    values = answer.get(tag, {}).get("Value") or [""]
    return str(values[0])
