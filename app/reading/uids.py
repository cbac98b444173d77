"""Whether a text can be a DICOM UID."""

from __future__ import annotations

import re


def is_uid(text: str | None) -> bool:
    """Whether a text is digits and dots, as a UID is (PS3.5 9.1).

    Leading zeros, a dot at the end and more than 64 characters are let pass: archives keep
    images under such UIDs, and results must refer to them to the letter.
    """
    return re.fullmatch(r"[0-9.]*[0-9][0-9.]*", text or "") is not None
