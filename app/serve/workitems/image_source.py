"""A DICOMweb server that workitems' images may be fetched from, by WADO-RS (PS3.18 10.4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import requests

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.http_session import http_session
from nodulus.app.serve.multipart_files import MultipartFiles

_TIMEOUT_S = (10.0, 300.0)
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PORTS = {"http": 80, "https": 443}
_CHUNK = 2**20


class ImageSource:
    """A server that the service's configuration names.

    Args:
        url: its base, such as ``https://pacs/dicom-web``.
        user: where it asks for one.
        password: of the user.
        token: in the place of both, where it asks for a bearer token.
        max_bytes: of one answer, unpacked.
    """

    def __init__(
        self,
        url: str,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        max_bytes: int = 2**32,
    ) -> None:
        self.url = url.rstrip("/")
        self._base = urlsplit(self.url)
        if self._base.scheme not in _PORTS or not self._base.hostname or self._base.query:
            raise NodulusError(
                ErrorCode.SETTINGS_INVALID,
                "The source of images is no http or https address.",
                remedy="Name its DICOMweb base, such as https://pacs.example.org/dicom-web.",
                subject=url,
            )
        self._session = http_session(None if token else user, password)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._max_bytes = max_bytes

    def has(self, url: str) -> bool:
        """Whether an address is one of this server's: its origin, and a path below its own.

        Args:
            url: that a workitem names.
        """
        try:
            asked = urlsplit(url)
            is_same = _origin(asked) == _origin(self._base)
        except ValueError:
            return False
        path = asked.path
        is_plain = path.isascii() and path.isprintable() and not set(path) & set("\\%?#;@ ")
        is_below = path.startswith(f"{self._base.path}/") and ".." not in path.split("/")
        has_more = asked.username is not None or "@" in asked.netloc or asked.query
        return bool(is_same and is_plain and is_below and not has_more)

    def fetch(self, url: str, folder: Path, go_on: Callable[[], bool]) -> list[Path]:
        """Fetch instances.

        Args:
            url: of a study, a series or an instance; redirections are not followed.
            folder: that gets a file for each.
            go_on: asked now and then; False ends it.

        Returns:
            The files.

        Raises:
            NodulusError: ``source-not-reachable``, ``input-refused``.
        """
        if not self.has(url):
            raise NodulusError(
                ErrorCode.WORKITEM_REFUSED,
                "Its images lie where the service may not fetch them.",
                remedy="Name that server with --ups-source.",
            )
        try:
            with self._session.get(
                url, headers={"Accept": _ACCEPT}, stream=True, timeout=_TIMEOUT_S,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                if answer.status_code != 200:
                    raise _not_reachable(f"it answers with status {answer.status_code}")
                return self._parts(answer, folder, go_on)
        except requests.RequestException as error:
            raise _not_reachable(type(error).__name__) from error

    def _parts(
        self, answer: requests.Response, folder: Path, go_on: Callable[[], bool]
    ) -> list[Path]:
        count = 0
        try:
            parts = MultipartFiles(answer.headers.get("content-type", ""), folder)
        except NodulusError as error:
            raise _no_dicom() from error
        try:
            for chunk in answer.iter_content(_CHUNK):
                count += len(chunk)
                if count > self._max_bytes:
                    raise NodulusError(
                        ErrorCode.INPUT_REFUSED,
                        f"The answer has more than {self._max_bytes:,} bytes.",
                        remedy="Raise --max-upload, or name the CT series alone in the workitem.",
                    )
                if not go_on():
                    return []
                parts.write(chunk)
            return parts.end()
        except NodulusError as error:
            raise _no_dicom() if error.code is ErrorCode.REQUEST_REFUSED else error from error
        finally:
            parts.close()


def _origin(url: SplitResult) -> tuple[str, str, int]:
    return url.scheme.lower(), (url.hostname or "").lower(), url.port or _PORTS.get(url.scheme, 0)


def _no_dicom() -> NodulusError:
    return _not_reachable("its answer is no multipart/related of DICOM")


def _not_reachable(why: str) -> NodulusError:
    return NodulusError(
        ErrorCode.SOURCE_NOT_REACHABLE,
        f"The images could not be fetched: {why}.",
        remedy="Check --ups-source, its user and password, and that it has the study.",
    )
