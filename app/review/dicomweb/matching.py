"""Attributes of a query, and whether a value matches what is asked for (PS3.4 C.2.2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.tag import Tag

from nodulus.app.errors import ErrorCode, NodulusError

CONTROL = frozenset({"limit", "offset", "includefield", "fuzzymatching"})
"""Parameters of a search that are no attributes."""


def keyword_of(name: str) -> str:
    """Give the keyword of an attribute that a query names by it or by its tag.

    Args:
        name: such as PatientID or 00100020.

    Raises:
        NodulusError: ``request-refused``.
    """
    found = name if tag_for_keyword(name) is not None else ""
    if not found:
        try:
            found = keyword_for_tag(Tag(int(name, 16)))
        except (ValueError, OverflowError):
            found = ""
    if not found:
        raise NodulusError(
            ErrorCode.REQUEST_REFUSED,
            "The query names no attribute of DICOM.",
            remedy="Use keywords such as PatientID, or tags such as 00100020.",
        )
    return found


def is_match(values: Sequence[str], wanted: str) -> bool:
    """Whether one of an attribute's values matches.

    Args:
        values: of the attribute; one empty text where it has none.
        wanted: a text with ``*`` and ``?``, or a range of dates or times; empty matches all.
    """
    if wanted in ("", "*"):
        return True
    low, dash, high = wanted.partition("-")
    if dash and (low + high).isdigit():
        # A bound that is a day holds for all of the day.
        return any(
            (not low or v >= low) and (not high or v[: len(high)] <= high) for v in values if v
        )
    pattern = wanted.lower().replace("[", "[[]")
    return any(fnmatchcase(v.lower(), pattern) for v in values)
