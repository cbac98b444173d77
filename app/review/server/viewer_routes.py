"""The pages of another viewer, and its configuration."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from nodulus.app.review.server.entity_tags import Known
from nodulus.app.review.server.static_files import WEB, file_answer
from nodulus.app.review.server.viewer_build import VIEWER, ViewerBuild

_CONFIG = WEB / "viewer" / "app-config.js"


def viewer_routes(viewer: ViewerBuild) -> APIRouter:
    """Make the routes; its other files are served as the application's are.

    Args:
        viewer: the build.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/app-config.js")
    @router.get(f"{VIEWER}/app-config.js")
    def config(known: Known = None) -> Response:
        return file_answer(_CONFIG, known)

    @router.get(f"{VIEWER}/{{path:path}}")
    def page_or_file(path: str, known: Known = None) -> Response:
        entry = viewer.files.get(path)
        if entry is None and "." in path.rpartition("/")[2]:
            raise HTTPException(404)
        return file_answer(entry or viewer.page, known)

    return router
