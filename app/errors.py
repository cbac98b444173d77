"""Errors with stable codes.

A code never changes its meaning: scripts and dashboards may rely on it. docs/errors.md lists
them, and a test holds that list and this enumeration together. No patient identity may
appear in a message: name files, UIDs and numbers.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path


class ErrorCode(str, Enum):
    """What went wrong, for programs."""

    INPUT_NOT_FOUND = "input-not-found"
    INPUT_EMPTY = "input-empty"
    INPUT_NOT_READABLE = "input-not-readable"
    INPUT_REFUSED = "input-refused"
    SOURCE_NOT_REACHABLE = "source-not-reachable"
    ARCHIVE_NOT_READABLE = "archive-not-readable"
    ARCHIVE_REFUSED = "archive-refused"
    NO_IMAGES = "no-images"
    NO_CT_SERIES = "no-ct-series"
    WRONG_MODALITY = "wrong-modality"
    TOO_FEW_SLICES = "too-few-slices"
    TRUNCATED_FILE = "truncated-file"
    DECODER_MISSING = "decoder-missing"
    MISSING_ATTRIBUTE = "missing-attribute"
    INVALID_ATTRIBUTE = "invalid-attribute"
    INCONSISTENT_SERIES = "inconsistent-series"
    UNEVEN_SLICES = "uneven-slices"
    MISSING_SLICES = "missing-slices"
    DUPLICATE_SLICES = "duplicate-slices"
    NOT_HOUNSFIELD = "not-hounsfield"
    NO_LUNGS = "no-lungs"
    CANDIDATES_INVALID = "candidates-invalid"
    MODEL_NOT_FOUND = "model-not-found"
    MODEL_INVALID = "model-invalid"
    MODEL_SERVICE_NOT_REACHABLE = "model-service-not-reachable"
    DEVICE_NOT_AVAILABLE = "device-not-available"
    PACKAGE_MISSING = "package-missing"
    SETTINGS_INVALID = "settings-invalid"
    OUTPUT_NOT_WRITABLE = "output-not-writable"
    RESULTS_INCOMPLETE = "results-incomplete"
    DUPLICATE_STUDY = "duplicate-study"
    TIME_LIMIT = "time-limit"
    MEMORY_LIMIT = "memory-limit"
    WORKER_DIED = "worker-died"
    STORE_NOT_USABLE = "store-not-usable"
    STUDY_NOT_FOUND = "study-not-found"
    IMAGES_NOT_FOUND = "images-not-found"
    ENTRY_REFUSED = "entry-refused"
    ENTRY_CONFLICT = "entry-conflict"
    NOT_SIGNED_OFF = "not-signed-off"
    REQUEST_REFUSED = "request-refused"
    WORKITEM_NOT_FOUND = "workitem-not-found"
    WORKITEM_CONFLICT = "workitem-conflict"
    WORKITEM_REFUSED = "workitem-refused"
    CANCELED = "canceled"
    NOT_ALLOWED = "not-allowed"
    LOGIN_FAILED = "login-failed"
    TOO_MANY_REQUESTS = "too-many-requests"
    INTERNAL = "internal-error"


class NodulusError(Exception):
    """An error that a user can act on.

    Args:
        code: the stable code.
        message: what is wrong, in one sentence, with numbers where there are any.
        remedy: what the user can do about it.
        subject: the file, folder or series UID that it is about.

    Examples:
        >>> import nodulus
        >>> try:
        ...     nodulus.load_volume("no/such/folder")
        ... except nodulus.NodulusError as error:
        ...     print(error.code.value)
        input-not-found
    """

    def __init__(
        self, code: ErrorCode, message: str, *, remedy: str, subject: str | Path | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.remedy = remedy
        self.subject = None if subject is None else str(subject)
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.subject}: " if self.subject else ""
        return f"[{self.code.value}] {where}{self.message} {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments, so that a worker process can return an error."""
        return _rebuild, (self.code, self.message, self.remedy, self.subject)


def not_writable(place: str | Path | None, error: OSError) -> NodulusError:
    """What to raise where results cannot be written.

    Args:
        place: the file or folder.
        error: what the system says.
    """
    return NodulusError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        f"It cannot be written here ({error.strerror or type(error).__name__}).",
        remedy="Check the permissions and the free space, or name another place.",
        subject=place,
    )


def _rebuild(code: ErrorCode, message: str, remedy: str, subject: str | None) -> NodulusError:
    return NodulusError(code, message, remedy=remedy, subject=subject)
