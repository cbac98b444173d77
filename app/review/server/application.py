"""The review as a FastAPI application."""

from __future__ import annotations

from importlib import metadata

from fastapi import FastAPI

from nodulus.app.review.desk import Desk, Reader
from nodulus.app.review.server import problem_answers
from nodulus.app.review.server.export_routes import export_routes
from nodulus.app.review.server.guard import Guard, Session
from nodulus.app.review.server.static_files import page_files, static_routes
from nodulus.app.review.server.study_routes import study_routes
from nodulus.app.review.server.volume_routes import volume_routes


def create_app(
    desk: Desk, reader: Reader, session: Session, organization: str = "not given"
) -> FastAPI:
    """Make the application.

    Args:
        desk: with the studies.
        reader: who decides in this session.
        session: who may ask.
        organization: of the reader, for the verification of signed-off reports.
    """
    application = FastAPI(
        title="Nodulus review",
        version=metadata.version("nodulus"),
        description="Decisions of a reader on findings. Points are patient LPS mm.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
    )
    problem_answers.install(application)
    application.include_router(study_routes(desk, reader, session.csrf))
    application.include_router(volume_routes(desk, reader))
    application.include_router(export_routes(desk, reader, organization))
    application.include_router(static_routes(page_files()))
    application.add_middleware(Guard, session=session)
    return application
