"""A PostgreSQL for the tests, reachable by a socket of this user alone."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def why_not() -> str | None:
    """Give the reason for which there can be no PostgreSQL here."""
    if importlib.util.find_spec("psycopg") is None:
        return "needs psycopg"
    return None if _program("initdb") else "needs PostgreSQL (initdb)"


@contextmanager
def postgres() -> Iterator[str]:
    """Run PostgreSQL.

    Yields:
        The URL of an empty database.
    """
    with TemporaryDirectory(prefix="pg") as name:  # a socket's path must be short
        folder = Path(name)
        if os.getuid() == 0:  # PostgreSQL does not run as root
            shutil.chown(folder, "nobody")
        data = folder / "data"
        _run("initdb", "-D", str(data), "-U", "test", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        _run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://test@/postgres?host={folder}"
        finally:
            _run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def _program(name: str) -> str | None:
    found = shutil.which(name)
    if found is not None:
        return found
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else None


def _run(name: str, *arguments: str) -> None:
    program = _program(name)
    assert program is not None
    user = {"user": "nobody"} if os.getuid() == 0 else {}
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", **user)  # type: ignore[call-overload]
