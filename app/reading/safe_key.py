"""A folder name for a study that is safe on every system."""

from __future__ import annotations

import hashlib
import re

from nodulus.app.reading.uids import is_uid

MAX_KEY_LENGTH = 128


def safe_key(text: str) -> str:
    """A name that is a folder name on every system; UIDs stay as they are.

    Two texts never give one name: where something had to be changed, a checksum of the text is
    added. ``~`` is in no name but before that checksum, or before a number that a caller adds.
    """
    cleaned = re.sub(r"[^0-9A-Za-z._-]+", "_", text).strip("._")[:MAX_KEY_LENGTH] or "study"
    if cleaned == text:
        return cleaned
    checksum = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{cleaned}~{checksum}"


def study_key(uid: str) -> str:
    """The folder name of a study; what is no UID may be a name, and is not repeated."""
    if is_uid(uid):
        return safe_key(uid)
    return f"study~{hashlib.sha256(uid.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
