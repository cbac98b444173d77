"""ETag and If-None-Match: what a browser has is not sent again (RFC 9110, 8.8.3 and 13.1.2)."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Header
from fastapi.responses import Response

Known = Annotated[str | None, Header(alias="if-none-match")]
"""The tags of what the browser has, separated by commas."""


def entity_tag(content: bytes) -> str:
    """The tag of an answer.

    Args:
        content: all of it, or what decides it.
    """
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def not_modified(known: str | None, headers: dict[str, str]) -> Response | None:
    """The answer that the browser has it already; None where it has not.

    Args:
        known: see :data:`Known`.
        headers: of the answer, among them its ``ETag``.
    """
    tags = [] if known is None else [tag.strip() for tag in known.split(",")]
    return Response(status_code=304, headers=headers) if headers["ETag"] in tags else None
