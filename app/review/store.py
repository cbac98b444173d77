"""Where decisions are kept: a database that is only ever added to."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import StudyResult
from nodulus.app.review.entries import Entry, EntryData, Kind, Measured, Role, parse_data
from nodulus.app.review.tables import analyses, entries

DATABASE_FILE = "review.sqlite"
"""In a folder of results."""


class ConflictError(Exception):
    """Another entry came first."""


@dataclass(frozen=True)
class NewEntry:
    """An entry before it has a number.

    Args:
        who: and the next: as in `nodulus.app.review.entries.Entry`.
    """

    who: str
    role: Role
    kind: Kind
    finding: str | None
    data: EntryData
    measured: Measured | None = None
    weights: Mapping[str, str] = field(default_factory=dict)


class Store:
    """The log of every study's entries.

    Args:
        url: of SQLAlchemy, such as ``sqlite:////data/review.sqlite``.

    Raises:
        NodulusError: ``store-not-usable``.
    """

    def __init__(self, url: str) -> None:
        self.name = sa.make_url(url).render_as_string(hide_password=True)
        try:
            self._engine = sa.create_engine(url, hide_parameters=True)
            if self._engine.dialect.name == "sqlite":
                _make_private(self._engine.url.database)
                sa.event.listen(self._engine, "connect", _prepare_sqlite)
                sa.event.listen(self._engine, "begin", _begin)
            self._writer = self._engine.execution_options(immediate=True)
            with self._writer.begin() as connection:
                _migrate(connection)
        except (sa.exc.SQLAlchemyError, ImportError, OSError) as error:
            raise NodulusError(
                ErrorCode.STORE_NOT_USABLE,
                f"The database of decisions cannot be opened ({_cause(error)}).",
                remedy="Check that it exists, can be written, and is one of this version of"
                " Nodulus; or name another with --database.",
                subject=self.name,
            ) from error

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """The database beside results; made where it is missing, readable by its owner alone."""
        return cls(str(sa.URL.create("sqlite", database=str((folder / DATABASE_FILE).resolve()))))

    def register(self, study: str, result: StudyResult) -> str:
        """Keep what is reviewed, once; entries belong to it.

        Args:
            study: the study's key.
            result: of the chain.

        Returns:
            What names it: the SHA-256 of the result.
        """
        text, name = result.model_dump_json(), analysis_name(result)
        with self._writer.begin() as connection:
            known = connection.execute(
                sa.select(analyses.c.sha256).where(analyses.c.sha256 == name)
            ).first()
            if known is None:
                connection.execute(
                    sa.insert(analyses).values(
                        sha256=name,
                        study=study,
                        series_uid=result.series_uid,
                        received=_now(),
                        result=text,
                    )
                )
        return name

    def append(self, analysis: str, reading: str, new: NewEntry, expected_version: int) -> Entry:
        """Add an entry.

        Args:
            analysis: as `register` named it.
            reading: whose log: empty for the one that all readers share.
            new: the entry.
            expected_version: the number of entries that the reader has seen.

        Raises:
            ConflictError: there are others.
            NodulusError: ``store-not-usable``: it could not be written.
        """
        row: dict[str, Any] = {
            "analysis": analysis,
            "reading": reading,
            "number": expected_version + 1,
            "at": _now(),
            "who": new.who,
            "role": new.role,
            "kind": new.kind,
            "finding": new.finding,
            "data": new.data.model_dump_json(exclude_defaults=True),
            "measured": None if new.measured is None else new.measured.model_dump_json(),
            "software": metadata.version("nodulus"),
            "weights": json.dumps(dict(new.weights)),
        }
        try:
            with self._writer.begin() as connection:
                count = connection.scalar(_count(analysis, reading))
                if count != expected_version:
                    raise ConflictError
                connection.execute(sa.insert(entries).values(row))
        except sa.exc.IntegrityError as error:
            raise ConflictError from error
        except sa.exc.SQLAlchemyError as error:
            raise NodulusError(
                ErrorCode.STORE_NOT_USABLE,
                f"The entry could not be kept ({_cause(error)}).",
                remedy="Check the free space and the rights of the database, and try again.",
                subject=self.name,
            ) from error
        return _entry(row)

    def entries(self, analysis: str, reading: str = "") -> list[Entry]:
        """The log of a study.

        Args:
            analysis: as `register` named it.
            reading: whose.
        """
        return self.logs([analysis], reading).get(analysis, [])

    def logs(self, of: Sequence[str], reading: str = "") -> dict[str, list[Entry]]:
        """The logs of several studies, in one question to the database.

        Args:
            of: analyses; those without an entry are left out of the answer.
            reading: whose.
        """
        found: dict[str, list[Entry]] = {}
        with self._engine.connect() as connection:
            for first in range(0, len(of), 500):
                rows = connection.execute(
                    sa.select(entries)
                    .where(
                        entries.c.analysis.in_(of[first : first + 500]),
                        entries.c.reading == reading,
                    )
                    .order_by(entries.c.number)
                )
                for row in rows.mappings():
                    found.setdefault(row["analysis"], []).append(_entry(row))
        return found

    def readings(self, analysis: str) -> list[str]:
        """Whose logs there are of a study, in alphabetical order."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(entries.c.reading)
                .where(entries.c.analysis == analysis)
                .distinct()
                .order_by(entries.c.reading)
            )
            return [str(row.reading) for row in rows]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def analysis_name(result: StudyResult) -> str:
    """Give what names an analysis: the SHA-256 of its result, so that another one has its own."""
    return hashlib.sha256(result.model_dump_json().encode()).hexdigest()


def _count(analysis: str, reading: str) -> sa.Select[Any]:
    return (
        sa.select(sa.func.count())
        .select_from(entries)
        .where(entries.c.analysis == analysis, entries.c.reading == reading)
    )


def _entry(row: Mapping[Any, Any]) -> Entry:
    kind: Kind = row["kind"]
    return Entry(
        number=row["number"],
        at=row["at"],
        who=row["who"],
        role=row["role"],
        kind=kind,
        finding=row["finding"],
        data=parse_data(kind, json.loads(row["data"])),
        measured=None if row["measured"] is None else Measured.model_validate_json(row["measured"]),
        software=row["software"],
        weights=json.loads(row["weights"]),
    )


def _migrate(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "nodulus.app.review:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _make_private(database: str | None) -> None:
    """Make the file before SQLite does, so that nobody else can read it even for a moment."""
    if not database or database == ":memory:":
        return
    descriptor = os.open(database, os.O_CREAT | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR)
    os.close(descriptor)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN, not the driver's late one
    cursor = connection.cursor()
    with suppress(Exception):  # a file system without shared memory keeps its own journal
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """Begin; who will write takes the lock at once, for one who reads first may be refused it."""
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _cause(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).splitlines()[0] if str(original) else type(error).__name__


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
