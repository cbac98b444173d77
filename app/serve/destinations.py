"""Where results are sent: a DICOMweb server (STOW-RS, PS3.18 10.5), or the Orthanc they are of."""

from __future__ import annotations

import secrets
from pathlib import Path

import requests

from nodulus.app.deploy.node.orthanc import Orthanc
from nodulus.app.http_session import http_session
from nodulus.app.serve.sender import DeliveryError

_TIMEOUT_S = (10.0, 300.0)
_DUPLICATE = 0x0111
"""Failure Reason of an instance that is there already (PS3.4 B.2.3; Table CC.2.1-3)."""


class StowDestination:
    """A DICOMweb server.

    Args:
        url: its base, such as ``https://pacs/dicom-web``.
        user: where it asks for one.
        password: of the user.
    """

    def __init__(self, url: str, user: str | None = None, password: str | None = None) -> None:
        self._url = f"{url.rstrip('/')}/studies"
        self._session = http_session(user, password)

    def send(self, path: Path) -> None:
        """See `Destination.send`."""
        mark = secrets.token_hex(16)
        head = f"--{mark}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = head + path.read_bytes() + f"\r\n--{mark}--\r\n".encode()
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={mark}',
            "Accept": "application/dicom+json",
        }
        try:
            answer = self._session.post(self._url, data=body, headers=headers, timeout=_TIMEOUT_S)
        except requests.RequestException as error:
            raise DeliveryError(f"no answer ({type(error).__name__})") from error
        reason = _reason(answer)
        if reason == _DUPLICATE or (answer.ok and reason is None):
            return
        raise DeliveryError(
            f"status {answer.status_code}"
            + ("" if reason is None else f", failure reason {reason:#06x}")
        )


class OrthancDestination:
    """An Orthanc, by its own interface.

    Args:
        orthanc: which.
    """

    def __init__(self, orthanc: Orthanc) -> None:
        self._orthanc = orthanc

    def send(self, path: Path) -> None:
        """See `Destination.send`; what Orthanc has already is left as it is."""
        try:
            self._orthanc.store(path)
        except requests.RequestException as error:
            raise DeliveryError(f"not stored ({type(error).__name__})") from error


def _reason(answer: requests.Response) -> int | None:
    """The first Failure Reason (0008,1197) of an answer that tells of failures, else None."""
    try:
        failed = answer.json()["00081198"]["Value"]
        return int(failed[0]["00081197"]["Value"][0])
    except (ValueError, KeyError, IndexError, TypeError):
        return None
