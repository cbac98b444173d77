"""What has become of each study, kept on disk from the moment that it is known."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from nodulus.app.cohort.file_lock import LockTimeoutError, file_lock
from nodulus.app.cohort.items import CohortItem
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.encodable import encodable_text
from nodulus.app.telemetry.watcher import End

Status = Literal["done", "refused", "failed", "duplicate"]
"""Refused: the input is to blame, and another try would end alike. Duplicate: another path of the
cohort holds the same study."""

WHOLE_ITEM = ""
"""The study's key in an outcome of an item whose studies are not known."""

_TABLES = """
CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY, given TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open',
    attempts INTEGER NOT NULL DEFAULT 0, fingerprint TEXT);
CREATE TABLE IF NOT EXISTS outcomes (
    item TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL, folder TEXT, code TEXT,
    message TEXT, remedy TEXT, subject TEXT, findings INTEGER, wall_s REAL, cpu_s REAL,
    peak_mib REAL, PRIMARY KEY (item, key));
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, item TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS problems (
    item TEXT, code TEXT, message TEXT, remedy TEXT, subject TEXT);
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one study of an item.

    Args:
        item: the item's id.
        key: the study's, or `WHOLE_ITEM`.
        status: see `Status`.
        folder: the result's name in the output folder, where there is one.
        code: of the error, as are ``message``, ``remedy`` and ``subject``.
        findings: how many.
        wall_s: seconds that reading, analysis and writing took.
        cpu_s: seconds of all cores.
        peak_mib: most memory that the worker has held so far.
    """

    item: str
    key: str
    status: Status
    folder: str | None = None
    code: str | None = None
    message: str | None = None
    remedy: str | None = None
    subject: str | None = None
    findings: int | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_mib: float | None = None

    def end(self) -> End:
        """What logs and traces are told of it."""
        return End(self.status, self.code, self.findings, self.cpu_s, self.peak_mib)


class Ledger:
    """The state of one shard, in a file that survives any end of the process.

    Args:
        path: of the SQLite file; made where it is missing.
        fingerprint: of software, weights, settings and options: items that ended under another
            one are open again.
    """

    def __init__(self, path: Path, fingerprint: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._fingerprint = fingerprint
        self._db = sqlite3.connect(path, isolation_level=None, timeout=60.0)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs from the same shard; the lock ends with the process, however it ends.

        Raises:
            NodulusError: OUTPUT_NOT_WRITABLE: another run is at work.
        """
        try:
            with file_lock(self._path.with_suffix(".lock")):
                yield
        except LockTimeoutError as error:
            raise NodulusError(
                ErrorCode.OUTPUT_NOT_WRITABLE,
                "Another run is at work on this shard.",
                remedy="Wait for its end, stop it, or give another --shard or output folder.",
                subject=self._path.parent.parent,
            ) from error

    def begin(self, items: Sequence[CohortItem], *, retry_failed: bool = False) -> None:
        """Take up items; what a run that was stopped left half done is open again.

        Args:
            items: of this shard; items of earlier runs that are not among them stay as they were.
            retry_failed: whether those with a failed study are open again, too.
        """
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT INTO items (id, given) VALUES (?, ?)"
                " ON CONFLICT (id) DO UPDATE SET given = excluded.given",
                [(item.id, _text(item.given)) for item in items],
            )
            other = "SELECT id FROM items WHERE fingerprint IS NOT NULL AND fingerprint <> ?"
            self._db.execute(
                f"DELETE FROM outcomes WHERE item IN ({other})",  # noqa: S608
                (self._fingerprint,),
            )
            self._db.execute(
                f"UPDATE items SET state = 'open', attempts = 0 WHERE id IN ({other})",  # noqa: S608
                (self._fingerprint,),
            )
            self._db.execute("UPDATE items SET state = 'open' WHERE state = 'running'")
            if retry_failed:
                self._db.execute(
                    "UPDATE items SET state = 'open', attempts = 0"
                    " WHERE id IN (SELECT item FROM outcomes WHERE status = 'failed')"
                )
            self._db.execute("UPDATE items SET fingerprint = ?", (self._fingerprint,))
            self._db.execute(
                "DELETE FROM claims WHERE NOT EXISTS (SELECT 1 FROM outcomes"
                " WHERE outcomes.key = claims.key AND outcomes.item = claims.item"
                " AND status = 'done')"
            )

    def reopen_without_result(self, output: Path, findings_file: str) -> int:
        """Open items whose result is no longer there; give their number."""
        gone = [
            (outcome.item, outcome.key)
            for outcome in self.outcomes()
            if outcome.status == "done"
            and outcome.folder is not None
            and not (output / outcome.folder / findings_file).is_file()
        ]
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM outcomes WHERE item = ? AND key = ?", gone)
            self._db.executemany(
                "UPDATE items SET state = 'open' WHERE id = ?", [(item,) for item, _ in gone]
            )
        return len(gone)

    def open_items(self) -> set[str]:
        """Ids of the items that are still to be done."""
        return {row[0] for row in self._db.execute("SELECT id FROM items WHERE state = 'open'")}

    def start(self, item: str) -> int:
        """Note that an item is begun; give which attempt this is, from 1."""
        self._db.execute(
            "UPDATE items SET state = 'running', attempts = attempts + 1 WHERE id = ?", (item,)
        )
        row = self._db.execute("SELECT attempts FROM items WHERE id = ?", (item,)).fetchone()
        return int(row[0])

    def reopen(self, item: str) -> None:
        """Note that an item's attempt was cut short, and that it is to be tried again."""
        self._db.execute("UPDATE items SET state = 'open' WHERE id = ?", (item,))

    def end(self, item: str) -> None:
        """Note that nothing is left to do of an item."""
        self._db.execute("UPDATE items SET state = 'ended' WHERE id = ?", (item,))

    def claim(self, item: str, keys: Sequence[str]) -> list[str]:
        """Tell which studies of an item are its own to analyse.

        Not so those that an earlier attempt has done, nor those of another item; of the latter an
        outcome is written.

        Args:
            item: the item's id.
            keys: of the studies that were found in it.
        """
        mine = []
        for key in keys:
            self._db.execute("INSERT OR IGNORE INTO claims VALUES (?, ?)", (key, item))
            owner = self._db.execute("SELECT item FROM claims WHERE key = ?", (key,)).fetchone()
            if owner[0] != item:
                self.write(Outcome(item, key, "duplicate"))
            elif not self._is_done(item, key):
                mine.append(key)
        return mine

    def _is_done(self, item: str, key: str) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM outcomes WHERE item = ? AND key = ? AND status = 'done'", (item, key)
        )
        return found.fetchone() is not None

    def write(self, outcome: Outcome) -> None:
        """Put down an outcome, in the place of an earlier one of the same study.

        A whole item's outcome goes once one of its studies has its own.
        """
        names = [field.name for field in fields(Outcome)]
        marks = ", ".join("?" * len(names))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if outcome.key != WHOLE_ITEM:
                self._db.execute(
                    "DELETE FROM outcomes WHERE item = ? AND key = ?", (outcome.item, WHOLE_ITEM)
                )
            self._db.execute(
                f"INSERT OR REPLACE INTO outcomes ({', '.join(names)}) VALUES ({marks})",  # noqa: S608
                tuple(_text(value) for value in asdict(outcome).values()),
            )

    def write_problems(self, item: str, problems: Sequence[NodulusError]) -> None:
        """Put down what in an item, or in the sources, could not be used and is no study.

        Args:
            item: its id, or `WHOLE_ITEM` for the sources.
            problems: take the place of those that an earlier run met there.
        """
        known = self._db.execute("SELECT 1 FROM problems WHERE item = ?", (item,)).fetchone()
        if known is None and not problems:
            return  # every write waits for the disk
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM problems WHERE item = ?", (item,))
            self._db.executemany(
                "INSERT INTO problems VALUES (?, ?, ?, ?, ?)",
                [
                    tuple(map(_text, (item, p.code.value, p.message, p.remedy, p.subject)))
                    for p in problems
                ],
            )

    def problems(self) -> list[NodulusError]:
        """What could not be used and is no study."""
        rows = self._db.execute("SELECT code, message, remedy, subject FROM problems")
        return [
            NodulusError(ErrorCode(code), message, remedy=remedy, subject=subject)
            for code, message, remedy, subject in rows
        ]

    def outcomes(self) -> Iterator[Outcome]:
        """Every outcome, in the order of items and keys."""
        names = ", ".join(field.name for field in fields(Outcome))
        rows = self._db.execute(f"SELECT {names} FROM outcomes ORDER BY item, key")  # noqa: S608
        return (Outcome(*row) for row in rows)

    def given(self) -> dict[str, str]:
        """How the user named each item, by its id."""
        return dict(self._db.execute("SELECT id, given FROM items"))

    def counts(self) -> dict[str, int]:
        """How many outcomes of each status there are, and how many items are open or running."""
        found = dict.fromkeys(get_args(Status), 0)
        found |= dict(self._db.execute("SELECT status, COUNT(*) FROM outcomes GROUP BY status"))
        left = self._db.execute("SELECT COUNT(*) FROM items WHERE state <> 'ended'").fetchone()
        return {**found, "open": int(left[0])}


def _text(value: object) -> object:
    """A value that SQLite takes: a file name that is not UTF-8 leaves lone surrogates in a text."""
    return encodable_text(value) if isinstance(value, str) else value
