"""The page's own files, known by name when the application starts."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

WEB = Path(__file__).resolve().parents[1] / "web"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}


def page_files() -> dict[str, Path]:
    """Give the files of the page by their paths in the address."""
    found: dict[str, Path] = {}

    def collect(folder: Path, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                collect(entry, f"{prefix}{entry.name}/")
            elif entry.name[:1] != "." and not entry.name.endswith((".py", ".pyc")):
                found[f"{prefix}{entry.name}"] = entry

    if WEB.is_dir():
        collect(WEB, "")
    return found


def static_routes(files: Mapping[str, Path]) -> APIRouter:
    """Make the routes of the page's files; no other path is ever opened.

    Args:
        files: by their paths in the address.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/{path:path}")
    def page_file(path: str) -> Response:
        entry = files.get(path or "index.html")
        if entry is None:
            raise HTTPException(404)
        suffix = "." + entry.name.rpartition(".")[2]
        kind = _TYPES.get(suffix) or mimetypes.guess_type(entry.name)[0]
        return Response(
            entry.read_bytes(), media_type=kind or "application/octet-stream",
            headers={"Cache-Control": "no-cache"},
        )  # fmt: skip

    return router
