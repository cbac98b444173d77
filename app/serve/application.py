"""The service as a FastAPI application: the queue, DICOMweb, and the review."""

from __future__ import annotations

from fastapi import FastAPI

from nodulus.app.review.server.access import Access
from nodulus.app.review.server.application import DICOMWEB, create_app
from nodulus.app.review.server.guard import MAX_BODY_BYTES
from nodulus.app.review.server.viewer_build import ViewerBuild
from nodulus.app.serve.account_access import AccountAccess
from nodulus.app.serve.account_routes import account_routes
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.audit_trail import AuditTrail
from nodulus.app.serve.desk import ServiceDesk
from nodulus.app.serve.oidc import Oidc
from nodulus.app.serve.oidc_routes import oidc_routes
from nodulus.app.serve.queue_routes import queue_routes
from nodulus.app.serve.service import Service
from nodulus.app.serve.service_instances import ServiceInstances
from nodulus.app.serve.signed_results import SignedResults
from nodulus.app.serve.store_routes import store_routes
from nodulus.app.serve.workitems.routes import workitem_routes
from nodulus.app.serve.workitems.worklist import Worklist


def create_service_app(
    service: Service,
    desk: ServiceDesk,
    access: Access,
    log: AuditLog,
    organization: str = "not given",
    max_upload_bytes: int = 2**32,
    viewer: ViewerBuild | None = None,
    oidc: Oidc | None = None,
    worklist: Worklist | None = None,
) -> FastAPI:
    """Make the application; the service then also sends on what is signed off in it.

    Args:
        service: takes studies.
        desk: has them reviewed.
        access: recognises who asks; with accounts there are routes to sign in and out.
        log: of who saw and changed what.
        organization: of the readers.
        max_upload_bytes: of a request with images.
        viewer: that opens studies beside the review's page.
        oidc: with which those of accounts can sign in too.
        worklist: of workitems, by UPS-RS.
    """

    def limit(method: str, path: str) -> int:
        is_upload = path == "/studies" or path.startswith(f"{DICOMWEB}/studies")
        return max_upload_bytes if method == "POST" and is_upload else MAX_BODY_BYTES

    service.add_part("signed", SignedResults(desk, service, organization).run)
    more = [queue_routes(service), store_routes(service)]
    if worklist is not None:
        more.append(workitem_routes(worklist))
    if isinstance(access, AccountAccess):
        more.append(account_routes(access, log, single_sign_on=oidc is not None))
        if oidc is not None:
            more.append(oidc_routes(oidc, access, log))
    application = create_app(
        desk,
        access,
        organization,
        title="Nodulus service",
        more=more,
        max_body_bytes=limit,
        instances=ServiceInstances(service),
        viewer=viewer,
    )
    application.add_middleware(AuditTrail, log=log, uid_of=service.queue.uid_of)
    return application
