"""The page's own files, known by name when the application starts."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from nodulus.app.review.server.entity_tags import Known, entity_tag, not_modified

WEB = Path(__file__).resolve().parents[1] / "web"

_CHECKSUM = re.compile(r"(^|\.)[0-9a-f]{16,}\.")
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
    return collect_files(WEB) if WEB.is_dir() else {}


def collect_files(root: Path) -> dict[str, Path]:
    """Give all files below a folder by their paths in it, but hidden ones, Python's and links.

    Args:
        root: the folder.
    """
    found: dict[str, Path] = {}

    def collect(folder: Path, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_symlink():
                continue
            if entry.is_dir():
                collect(entry, f"{prefix}{entry.name}/")
            elif entry.name[:1] != "." and not entry.name.endswith((".py", ".pyc")):
                found[f"{prefix}{entry.name}"] = entry

    collect(root, "")
    return found


def static_routes(files: Mapping[str, Path]) -> APIRouter:
    """Make the routes of the page's files; no other path is ever opened.

    Args:
        files: by their paths in the address.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/{path:path}")
    def page_file(path: str, known: Known = None) -> Response:
        entry = files.get(path or "index.html")
        if entry is None:
            raise HTTPException(404)
        return file_answer(entry, known)

    return router


def file_answer(entry: Path, known: str | None = None) -> Response:
    """Give a file as an answer, or say that the browser has it.

    One with a checksum in its name is kept by the browser; of any other it asks each time, so that
    no page mixes the files of two versions.

    Args:
        entry: the file.
        known: see :data:`~nodulus.app.review.server.entity_tags.Known`.
    """
    suffix = "." + entry.name.rpartition(".")[2]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(entry.name)[0]
    kept = "private, max-age=31536000, immutable" if _CHECKSUM.search(entry.name) else "no-cache"
    content = entry.read_bytes()
    headers = {"Cache-Control": kept, "ETag": entity_tag(content)}
    answer = Response(content, media_type=kind or "application/octet-stream", headers=headers)
    return not_modified(known, headers) or answer
