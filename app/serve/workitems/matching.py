"""Searching for workitems: attributes of DICOM JSON, in sequences too (PS3.18 8.3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.dicomweb.matching import CONTROL, is_match, keyword_of

_COLUMNS = {
    "ProcedureStepState": "state",
    "StudyInstanceUID": "study_uid",
    "SOPInstanceUID": "uid",
}


@dataclass(frozen=True)
class Query:
    """What is searched for.

    Args:
        simple: columns of the table and the value that they must have.
        others: what else must match, by the tags that lead to it.
    """

    simple: Mapping[str, str]
    others: tuple[tuple[tuple[str, ...], str], ...]


def parse_query(parameters: Iterable[tuple[str, str]]) -> Query:
    """Read a search's parameters.

    Args:
        parameters: names and values; a name is a keyword or a tag, dots go into sequences.

    Raises:
        NodulusError: ``request-refused``.
    """
    simple, others = {}, []
    for name, value in parameters:
        if name in CONTROL:
            continue
        keywords = [keyword_of(part) for part in name.split(".")]
        if "TransactionUID" in keywords:
            raise NodulusError(
                ErrorCode.REQUEST_REFUSED,
                "Nobody can search for a Transaction UID.",
                remedy="Leave it out.",
            )
        column = _COLUMNS.get(keywords[0]) if len(keywords) == 1 else None
        if column is not None and value and not set(value) & set("*?,\\"):
            simple[column] = value
        else:
            others.append((tuple(_tag(keyword) for keyword in keywords), value))
    return Query(simple, tuple(others))


def matches(content: Mapping[str, Any], query: Query) -> bool:
    """Whether a workitem matches all but the columns.

    Args:
        content: DICOM JSON.
        query: what is searched for.
    """
    return all(_is_match(content, path, wanted) for path, wanted in query.others)


def _is_match(content: Mapping[str, Any], path: tuple[str, ...], wanted: str) -> bool:
    values = [value for value in _values(content, path) if value] or [""]
    if dictionary_VR(int(path[-1], 16)) == "UI":
        wanted = wanted.replace("\\", ",")
        return any(is_match(values, one) for one in wanted.split(","))
    return is_match(values, wanted)


def _values(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    first, *rest = path
    for value in content.get(first, {}).get("Value", ()):
        if rest and isinstance(value, dict):
            yield from _values(value, tuple(rest))
        elif isinstance(value, dict):  # a person's name, by its groups
            yield from (str(group) for group in value.values() if isinstance(group, str))
        elif not rest and value is not None:
            yield str(value)


def _tag(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return f"{tag:08X}"
