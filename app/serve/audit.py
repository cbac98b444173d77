"""Who signed in, and who saw or changed which study: kept append-only, and as audit messages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from nodulus.app.errors import not_writable
from nodulus.app.review.database import Database
from nodulus.app.serve.audit_message import audit_message
from nodulus.app.serve.tables import audit

AuditEvent = Literal[
    "login", "login-failed", "logout", "list-viewed", "study-viewed", "study-changed",
    "study-exported", "studies-received", "study-removed", "workitem-created", "workitem-viewed",
    "workitem-changed", "workitem-removed", "refused",
]  # fmt: skip


SERVICE = "nodulus serve"
"""Who has done what nobody asked for, such as a removal."""


@dataclass(frozen=True)
class AuditEntry:
    """Something that somebody did.

    Args:
        at: ISO 8601, UTC.
        who: the account, or what name a stranger gave.
        address: where from.
        event: what.
        study: StudyInstanceUID, or the study's id.
        detail: the request, without what stands behind its ``?``.
        success: whether it was let do.
    """

    at: str
    who: str
    address: str
    event: AuditEvent
    study: str | None
    detail: str
    success: bool


class AuditLog:
    """The log.

    Args:
        database: that keeps it.
        messages: a file that gets an audit message of DICOM PS3.15 A.5 a line; None for none.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        messages: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._messages = messages
        self._clock = clock

    def write(
        self,
        event: AuditEvent,
        who: str,
        address: str,
        *,
        study: str | None = None,
        detail: str = "",
        success: bool = True,
    ) -> None:
        """Put something down.

        Raises:
            NodulusError: ``store-not-usable`` or ``output-not-writable``: what cannot be put down
                must not be done.
        """
        now = self._clock()
        at = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds")
        named = None if study is None else study[:200]
        entry = AuditEntry(at, who[:200], address, event, named, detail[:500], success)
        with self._database.write() as connection:
            connection.execute(sa.insert(audit).values(epoch=now, **vars(entry)))
        if self._messages is not None:
            self._append(audit_message(entry), self._messages)

    def _append(self, line: str, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.write(descriptor, (line + "\n").encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise not_writable(path, error) from error

    def entries(self, limit: int = 100, offset: int = 0) -> tuple[int, list[AuditEntry]]:
        """Give how many there are, and a page of them, the newest first."""
        with self._database.read() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(audit))
            rows = connection.execute(
                sa.select(audit).order_by(audit.c.id.desc()).limit(limit).offset(offset)
            )
            names = list(AuditEntry.__dataclass_fields__)
            found = [AuditEntry(**{n: row[n] for n in names}) for row in rows.mappings()]
        return int(total or 0), found

    def failed_logins(self, seconds: float, who: str | None, address: str | None) -> int:
        """How often signing in failed lately, for a name, an address, or both."""
        query = (
            sa.select(sa.func.count())
            .select_from(audit)
            .where(audit.c.event == "login-failed", audit.c.epoch > self._clock() - seconds)
        )
        if who is not None:
            query = query.where(audit.c.who == who[:200])
        if address is not None:
            query = query.where(audit.c.address == address)
        with self._database.read() as connection:
            return int(connection.scalar(query) or 0)
