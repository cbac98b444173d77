"""One database: SQLite by default, PostgreSQL or another of SQLAlchemy's by its URL."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from nodulus.app.errors import ErrorCode, NodulusError

_READERS_LOCK = 7063786
"""Of PostgreSQL's advisory locks; that of the migrations is the one before it."""
_NO_SPACE = "Check the free space and the rights of the database, and try again."


class Database:
    """Connections to a database that has the newest tables.

    Args:
        url: of SQLAlchemy, such as ``sqlite:////data/review.sqlite``.

    Raises:
        NodulusError: ``store-not-usable``.
    """

    def __init__(self, url: str) -> None:
        try:
            self.name = sa.make_url(url).render_as_string(hide_password=True)
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
                subject=getattr(self, "name", None),
            ) from error

    @classmethod
    def in_file(cls, path: Path) -> Database:
        """SQLite in a file; made where it is missing, readable by its owner alone."""
        return cls(str(sa.URL.create("sqlite", database=str(path.resolve()))))

    def read(self) -> sa.Connection:
        """A connection that only reads; to be used as a context manager."""
        return self._engine.connect()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes; it is undone where an error leaves it.

        Raises:
            NodulusError: ``store-not-usable``: it could not be written.
        """
        try:
            with self._writer.begin() as connection:
                yield connection
        except sa.exc.IntegrityError:
            raise
        except sa.exc.SQLAlchemyError as error:
            raise NodulusError(
                ErrorCode.STORE_NOT_USABLE,
                f"The database could not be written ({_cause(error)}).",
                remedy=_NO_SPACE,
                subject=self.name,
            ) from error

    def forget(self) -> None:
        """Have SQLite's files forget what was removed, which its log keeps for a while.

        What another database keeps of it is for whoever runs that.
        """
        if self._engine.dialect.name != "sqlite":
            return
        with (
            closing(self._engine.raw_connection()) as connection,
            closing(connection.cursor()) as c,
        ):
            c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def beside_readers(connection: sa.Connection, *, alone: bool) -> None:
    """Keep what readers begin apart from what is removed, until the transaction ends.

    Of SQLite's transactions one alone writes. In PostgreSQL a removal would not see an entry that
    is not committed yet: it waits for those that are being made, and they for it.

    Args:
        connection: with a transaction that writes.
        alone: for a removal; entries go beside each other.
    """
    if connection.dialect.name == "postgresql":
        shared = "" if alone else "_shared"
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock{shared}({_READERS_LOCK})"))


def _migrate(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "nodulus.app.review:migrations")
    config.attributes["connection"] = connection
    if connection.dialect.name == "postgresql":  # two services that start at once
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7063785)"))
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
    cursor.execute("PRAGMA busy_timeout=10000")
    with suppress(Exception):  # a file system without shared memory keeps its own journal
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is removed does not stay in free pages
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """Begin; who will write takes the lock at once, for one who reads first may be refused it."""
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _cause(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).splitlines()[0] if str(original) else type(error).__name__
