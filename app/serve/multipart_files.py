"""The parts of a multipart/related body, written to files as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from nodulus.app.errors import ErrorCode, NodulusError

MAX_PARTS = 20_000
"""Of one body: more than the slices of any CT."""


class MultipartFiles:
    """Writes parts to files.

    Args:
        content_type: of the body.
        folder: that gets a file for each part.

    Raises:
        NodulusError: ``request-refused``: the body is no multipart/related of DICOM.
    """

    def __init__(self, content_type: str, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/related" or not boundary:
            raise _refused("It is no multipart/related request with a boundary.")
        if options.get(b"type", b"application/dicom") != b"application/dicom":
            raise _refused("Only parts of type application/dicom are stored.")
        self._folder = folder
        self._file: BinaryIO | None = None
        self._files: list[Path] = []
        self._is_open = False
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }
        self._parser = MultipartParser(boundary, callbacks)

    def write(self, chunk: bytes) -> None:
        """Take more of the body.

        Raises:
            NodulusError: ``request-refused``.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _refused("Its parts cannot be told apart.") from error

    def end(self) -> list[Path]:
        """Give the files, in the order of the parts.

        Raises:
            NodulusError: ``request-refused``: the body is not whole.
        """
        try:
            self._parser.finalize()
        except FormParserError as error:
            raise _refused("Its parts cannot be told apart.") from error
        if self._is_open or not self._files:
            raise _refused("It has no part, or ends within one.")
        return self._files

    def close(self) -> None:
        """Close the file of a part that has no end."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        if len(self._files) >= MAX_PARTS:
            raise _refused(f"It has more than {MAX_PARTS:,} parts.")
        path = self._folder / f"part-{len(self._files):06d}"
        self._file = path.open("wb")
        self._files.append(path)
        self._is_open = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        assert self._file is not None, "a part has begun"
        self._file.write(data[start:end])

    def _end(self) -> None:
        self.close()
        self._is_open = False


def _refused(message: str) -> NodulusError:
    return NodulusError(
        ErrorCode.REQUEST_REFUSED,
        message,
        remedy="Send instances as PS3.18 10.5 says: multipart/related of application/dicom.",
    )
