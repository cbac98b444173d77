"""The review as a FastAPI application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import metadata

from fastapi import APIRouter, FastAPI

from nodulus.app.review.desk import Desk
from nodulus.app.review.dicomweb.desk_instances import DeskInstances
from nodulus.app.review.dicomweb.instances import Instances
from nodulus.app.review.dicomweb.retrieve_routes import retrieve_routes
from nodulus.app.review.dicomweb.search_routes import search_routes
from nodulus.app.review.server import problem_answers
from nodulus.app.review.server.access import Access
from nodulus.app.review.server.export_routes import export_routes
from nodulus.app.review.server.guard import CONTENT_SECURITY_POLICY, MAX_BODY_BYTES, Guard
from nodulus.app.review.server.static_files import page_files, static_routes
from nodulus.app.review.server.study_routes import study_routes
from nodulus.app.review.server.viewer_build import ViewerBuild
from nodulus.app.review.server.viewer_routes import viewer_routes
from nodulus.app.review.server.volume_routes import volume_routes

DICOMWEB = "/dicom-web"
"""Where the studies are for programs that speak DICOMweb."""


def create_app(
    desk: Desk,
    access: Access,
    organization: str = "not given",
    *,
    title: str = "Nodulus review",
    more: Sequence[APIRouter] = (),
    max_body_bytes: int | Callable[[str, str], int] = MAX_BODY_BYTES,
    instances: Instances | None = None,
    viewer: ViewerBuild | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        desk: with the studies.
        access: recognises who asks.
        organization: of the readers, for the verification of signed-off reports.
        title: in the OpenAPI description.
        more: other routes, which come first.
        max_body_bytes: as in `Guard`.
        instances: for DICOMweb; by default those of the desk's studies.
        viewer: that opens studies beside the page.
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
    found = instances or DeskInstances(desk)
    application.include_router(search_routes(found, DICOMWEB))
    application.include_router(retrieve_routes(found, DICOMWEB))
    application.include_router(study_routes(desk, viewer))
    application.include_router(volume_routes(desk))
    application.include_router(export_routes(desk, organization))
    own = page_files()
    if viewer is not None:
        application.include_router(viewer_routes(viewer))
    application.include_router(static_routes(own if viewer is None else {**viewer.files, **own}))

    def policy_of(path: str) -> str:
        if viewer is None or path[1:] in own or not viewer.has(path):
            return CONTENT_SECURITY_POLICY
        return viewer.policy

    application.add_middleware(
        Guard, access=access, max_body_bytes=max_body_bytes, policy_of=policy_of
    )
    return application
