"""The worklist of a service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodulus.app.review.server.application import DICOMWEB
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.service import Service
from nodulus.app.serve.workitems.image_source import ImageSource
from nodulus.app.serve.workitems.performer import KeptWorkitems, Performer
from nodulus.app.serve.workitems.settings import workitem_settings
from nodulus.app.serve.workitems.worklist import Worklist


def service_worklist(
    service: Service,
    sources: Sequence[ImageSource],
    address: str,
    log: AuditLog,
    keeping: KeptWorkitems | None = None,
    settings: Path | None = None,
    **more: float,
) -> Worklist:
    """Give a service a worklist, whose workitems it performs once it has started.

    Args:
        service: not started yet.
        sources: servers that images may be fetched from.
        address: by which others reach the service.
        log: as in `Performer`.
        keeping: as in `Performer`; None for ever.
        settings: folder that may hold another workitems.json.
        more: as in `Performer`.
    """
    worklist = Worklist(service.database, workitem_settings(settings))
    base = f"{address.rstrip('/')}{DICOMWEB}"
    performer = Performer(
        worklist, service.queue, service.intake, service.results, service.step, sources, base,
        log, keeping=keeping or KeptWorkitems(), **more,
    )  # fmt: skip
    service.add_part("workitems", performer.run)
    return worklist
