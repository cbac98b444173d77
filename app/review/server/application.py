"""The review as a FastAPI application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import metadata

from fastapi import APIRouter, FastAPI

from nodulus.app.review.desk import Desk
from nodulus.app.review.server import problem_answers
from nodulus.app.review.server.access import Access
from nodulus.app.review.server.export_routes import export_routes
from nodulus.app.review.server.guard import MAX_BODY_BYTES, Guard
from nodulus.app.review.server.static_files import page_files, static_routes
from nodulus.app.review.server.study_routes import study_routes
from nodulus.app.review.server.volume_routes import volume_routes


def create_app(
    desk: Desk,
    access: Access,
    organization: str = "not given",
    *,
    title: str = "Nodulus review",
    more: Sequence[APIRouter] = (),
    max_body_bytes: int | Callable[[str, str], int] = MAX_BODY_BYTES,
) -> FastAPI:
    """Make the application.

    Args:
        desk: with the studies.
        access: recognises who asks.
        organization: of the readers, for the verification of signed-off reports.
        title: in the OpenAPI description.
        more: other routes, which come first.
        max_body_bytes: as in `Guard`.
    """
    application = FastAPI(
        title=title,
        version=metadata.version("nodulus"),
        description="Decisions of a reader on findings. Points are patient LPS mm.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
    )
    problem_answers.install(application)
    for router in more:
        application.include_router(router)
    application.include_router(study_routes(desk))
    application.include_router(volume_routes(desk))
    application.include_router(export_routes(desk, organization))
    application.include_router(static_routes(page_files()))
    application.add_middleware(Guard, access=access, max_body_bytes=max_body_bytes)
    return application
