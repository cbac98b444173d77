"""Where decisions are kept: a database that is only ever added to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nodulus.app.result import StudyResult
from nodulus.app.review.database import Database, beside_readers
from nodulus.app.review.entries import Entry, EntryData, Kind, Measured, Role, parse_data
from nodulus.app.review.tables import analyses, entries

DATABASE_FILE = "review.sqlite"
"""In a folder of results."""


class ConflictError(Exception):
    """Another entry came first."""


class ReadingsTakenError(Exception):
    """As many others read the study as may."""


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
        database: that keeps it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """The database beside results; made where it is missing, readable by its owner alone.

        Raises:
            NodulusError: ``store-not-usable``.
        """
        return cls(Database.in_file(folder / DATABASE_FILE))

    def register(self, study: str, result: StudyResult) -> str:
        """Keep what is reviewed, once; entries belong to it.

        Args:
            study: the study's key.
            result: of the chain.

        Returns:
            What names it: the SHA-256 of the result.
        """
        text, name = result.model_dump_json(), analysis_name(result)
        with self._database.write() as connection:
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

    def append(
        self,
        analysis: str,
        reading: str,
        new: NewEntry,
        expected_version: int,
        most_others: int | None = None,
    ) -> Entry:
        """Add an entry.

        Args:
            analysis: as `register` named it.
            reading: whose log: empty for the one that all readers share.
            new: the entry.
            expected_version: the number of entries that the reader has seen.
            most_others: how many other readings than the shared one there may be; None for any.

        Raises:
            ConflictError: there are others.
            ReadingsTakenError: there are more readings.
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
            "software": _software(),
            "weights": json.dumps(dict(new.weights)),
        }
        try:
            with self._database.write() as connection:
                beside_readers(connection, alone=False)
                count = connection.scalar(_count(analysis, reading))
                if count != expected_version:
                    raise ConflictError
                if most_others is not None:
                    # Whoever begins at the same moment waits here.
                    connection.execute(
                        sa.select(analyses.c.sha256)
                        .where(analyses.c.sha256 == analysis)
                        .with_for_update()
                    )
                    if connection.scalar(_others(analysis, reading)) > most_others:
                        raise ReadingsTakenError
                connection.execute(sa.insert(entries).values(row))
        except sa.exc.IntegrityError as error:
            raise ConflictError from error
        return _entry(row)

    def entries(self, analysis: str, reading: str = "") -> list[Entry]:
        """The log of a study.

        Args:
            analysis: as `register` named it.
            reading: whose.
        """
        return self.readings([analysis]).get(analysis, {}).get(reading, [])

    def readings(self, of: Sequence[str]) -> dict[str, dict[str, list[Entry]]]:
        """All logs of several studies, in one question to the database.

        Args:
            of: analyses; those without an entry are left out of the answer.

        Returns:
            By analysis and reading, in the order in which the readings were begun.
        """
        found: dict[str, dict[str, list[Entry]]] = {}
        with self._database.read() as connection:
            for first in range(0, len(of), 500):
                rows = connection.execute(
                    sa.select(entries)
                    .where(entries.c.analysis.in_(of[first : first + 500]))
                    .order_by(entries.c.id)
                )
                for row in rows.mappings():
                    logs = found.setdefault(row["analysis"], {})
                    logs.setdefault(row["reading"], []).append(_entry(row))
        return found

    def close(self) -> None:
        """Close the connections."""
        self._database.close()


def analysis_name(result: StudyResult) -> str:
    """Give what names an analysis: the SHA-256 of its result, so that another one has its own."""
    return hashlib.sha256(result.model_dump_json().encode()).hexdigest()


def _count(analysis: str, reading: str) -> sa.Select[Any]:
    return (
        sa.select(sa.func.count())
        .select_from(entries)
        .where(entries.c.analysis == analysis, entries.c.reading == reading)
    )


def _others(analysis: str, reading: str) -> sa.Select[Any]:
    return sa.select(sa.func.count(sa.distinct(entries.c.reading))).where(
        entries.c.analysis == analysis, entries.c.reading.not_in(("", reading))
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


@cache
def _software() -> str:
    return metadata.version("nodulus")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
