"""Warnings of the DICOM libraries are silenced: they quote patient attributes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock


class _Silence:
    """The filters are those of the whole process: the first thread sets, the last restores them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._filters = ExitStack()
        self._users = 0

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._filters.close()


_silence = _Silence()


@contextmanager
def without_identity_in_warnings() -> Iterator[None]:
    """Silence warnings, in all threads for as long as one is in here."""
    _silence.begin()
    try:
        yield
    finally:
        _silence.end()
