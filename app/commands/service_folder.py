"""The folder of `nodulus serve`, and the database in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.errors import not_writable

if TYPE_CHECKING:
    from nodulus.app.review.database import Database

DATABASE_FILE = "nodulus.sqlite"
"""In the service's folder."""


def own_folder(data: Path) -> None:
    """Make the service's folder, or make sure that only this user may enter it.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)
    except OSError as error:
        raise not_writable(data, error) from error


def open_database(data: Path, url: str | None) -> Database:
    """Open the service's database.

    Args:
        data: the service's folder.
        url: of another one.

    Raises:
        NodulusError: ``store-not-usable``.
    """
    from nodulus.app.review.database import Database

    return Database.in_file(data / DATABASE_FILE) if url is None else Database(url)
