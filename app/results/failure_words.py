"""Results that could not be made: how that is said in the others."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import ResultWarning, StudyResult

logger = logging.getLogger("nodulus")

INCOMPLETE = ErrorCode.RESULTS_INCOMPLETE.value

_NAMES = {
    "seg": "the DICOM segmentation",
    "mask": "the mask",
    "sr": "the DICOM structured report",
    "key_objects": "the DICOM key objects",
    "gsps": "the DICOM presentation state",
    "key_images": "the DICOM key images",
    "pdf": "the PDF report",
    "report": "the report",
    "intermediates": "the intermediates",
}


def explain_failure(error: Exception) -> str:
    """Say why something could not be made, without a word that may quote the input.

    Args:
        error: whatever was raised.
    """
    if isinstance(error, NodulusError):
        return error.message.rstrip(".")
    logger.debug("a result could not be made", exc_info=error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"unexpected {type(error).__name__}"


def incomplete_warning(failed: Mapping[str, str]) -> ResultWarning:
    """Name what is missing and why.

    Args:
        failed: the reason, by the writer.
    """
    missing = "; ".join(f"{_NAMES.get(name, name)} ({why})" for name, why in failed.items())
    return ResultWarning(code=INCOMPLETE, message=f"Missing, could not be made: {missing}.")


def incomplete_error(result: StudyResult, key: str) -> NodulusError | None:
    """Give the error of a study some of whose results are missing; None for a complete one.

    Args:
        result: as written.
        key: of the study.
    """
    warning = next((w for w in result.warnings if w.code == INCOMPLETE), None)
    if warning is None:
        return None
    return NodulusError(
        ErrorCode.RESULTS_INCOMPLETE,
        warning.message,
        remedy="The other results are written. Mend the cause and run again; --debug shows the"
        " details of an unexpected error.",
        subject=key,
    )
