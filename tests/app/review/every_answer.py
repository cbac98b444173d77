"""Everything that an application answers to one who reads, for tests of what shows where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fastapi.testclient import TestClient

QUERIES = {
    "/api/studies": ({}, {"sort": "reader"}, {"sort": "-to_decide"}, {"status": "signed-off"},
                     {"status": "read"}, {"status": "in-progress"}),
    "/api/studies/{key}/slice.png": ({"index": 20}, {"index": 30, "plane": "coronal"}),
}  # fmt: skip
"""Of routes that answer differently to different ones."""


def every_answer(
    client: TestClient, names: Mapping[str, str], without: Collection[str] = ()
) -> dict[str, tuple[int, bytes, str]]:
    """Ask for everything that can be got.

    Args:
        client: of somebody.
        names: what stands in the addresses.
        without: paths of routes that are not asked.

    Returns:
        Status, body (without the random mark between its parts) and ETag by address.
    """
    application: Any = client.app
    paths = application.openapi()["paths"]
    found = {}
    for path in (p for p, methods in paths.items() if "get" in methods and p not in without):
        for query in QUERIES.get(path, ({},)):
            answer = client.get(path.format(**names), params=query, follow_redirects=False)
            mark = answer.headers.get("content-type", "").partition("boundary=")[2]
            body = answer.content.replace(mark.encode(), b"") if mark else answer.content
            told = (answer.status_code, body, answer.headers.get("etag", ""))
            found[str(answer.request.url)] = told
    return found
