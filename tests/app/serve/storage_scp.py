"""A Storage SCP for the tests, on this computer alone."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, StoragePresentationContexts, evt

from nodulus.app.serve.dicom_destination import DicomAddress

AE_TITLE = "PACS"


@dataclass
class StorageScp:
    """What it has got, and what it answers.

    Args:
        status: of C-STORE, for an instance's UID.
        instances: by SOPInstanceUID, how often.
        studies: by StudyInstanceUID, how often.
        callers: AE titles of who sent.
        port: that it listens on.
    """

    status: Callable[[str], int] = lambda _uid: 0x0000
    instances: Counter[str] = field(default_factory=Counter)
    studies: Counter[str] = field(default_factory=Counter)
    callers: set[str] = field(default_factory=set)
    port: int = 0

    @property
    def address(self) -> DicomAddress:
        """Where it is."""
        return DicomAddress(AE_TITLE, "127.0.0.1", self.port)

    def store(self, event: Any) -> int:
        """Answer a C-STORE."""
        uid = event.request.AffectedSOPInstanceUID
        self.instances[uid] += 1
        self.studies[event.dataset.StudyInstanceUID] += 1
        self.callers.add(event.assoc.requestor.ae_title)
        return self.status(uid)


@contextmanager
def storage_scp(
    tls: ssl.SSLContext | None = None,
    sop_classes: list[str] | None = None,
    status: Callable[[str], int] = lambda _uid: 0x0000,
) -> Iterator[StorageScp]:
    """Run one.

    Args:
        tls: for secure connections.
        sop_classes: that it takes; None for all of storage.
        status: of C-STORE, for an instance's UID.
    """
    scp = StorageScp(status)
    entity = AE(AE_TITLE)
    entity.require_called_aet = True
    if sop_classes is None:
        entity.supported_contexts = StoragePresentationContexts
    for sop_class in sop_classes or ():
        entity.add_supported_context(sop_class)
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, scp.store)],
        ssl_context=tls,
    )
    scp.port = server.socket.getsockname()[1]
    try:
        yield scp
    finally:
        server.shutdown()
