"""`nodulus accounts`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.packages import require_packages
from nodulus.app.commands.serve import PACKAGES

if TYPE_CHECKING:
    from nodulus.app.serve.accounts import AccountRole, Accounts

ROLES = ("reader", "adjudicator", "admin", "system")

_data = click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
_name = click.argument("name", metavar="NAME")
_database = click.option(
    "--database",
    metavar="URL",
    envvar="NODULUS_DATABASE",
    help="SQLAlchemy URL; default: nodulus.sqlite in DATA.",
)
_password_file = click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Whose first line is the password; asked for if left out.",
)


@click.group("accounts")
def command() -> None:
    """Make and change the accounts of the service that is kept in DATA.

    The first administrator is made here too; the service need not run.
    """
    require_packages(PACKAGES, "serve")


@command.command("add")
@_data
@_name
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the account may do.")
@_password_file
@_database
def add(
    data: Path, name: str, role: AccountRole, password_file: Path | None, database: str | None
) -> None:
    """Make an account."""
    with _accounts(data, database) as accounts:
        accounts.add(name, role, _password(password_file))


@command.command("password")
@_data
@_name
@_password_file
@_database
def password(data: Path, name: str, password_file: Path | None, database: str | None) -> None:
    """Give an account another password; its sessions and tokens end."""
    with _accounts(data, database) as accounts:
        accounts.change(name, password=_password(password_file))


@command.command("disable")
@_data
@_name
@_database
def disable(data: Path, name: str, database: str | None) -> None:
    """Let an account sign in no more; its sessions and tokens end. What it decided stays."""
    with _accounts(data, database) as accounts:
        accounts.change(name, disabled=True)


@command.command("enable")
@_data
@_name
@_database
def enable(data: Path, name: str, database: str | None) -> None:
    """Let an account that was disabled sign in again."""
    with _accounts(data, database) as accounts:
        accounts.change(name, disabled=False)


@command.command("token")
@_data
@_name
@_database
def token(data: Path, name: str, database: str | None) -> None:
    """Print a token by which a program acts as an account, for a year."""
    with _accounts(data, database) as accounts:
        click.echo(accounts.open(name, "program"))


@command.command("list")
@_data
@_database
def list_accounts(data: Path, database: str | None) -> None:
    """List the accounts with their roles."""
    with _accounts(data, database) as accounts:
        for account in accounts.all():
            mark = "\tdisabled" if account.disabled else ""
            click.echo(f"{account.name}\t{account.role}{mark}")


@contextmanager
def _accounts(data: Path, url: str | None) -> Iterator[Accounts]:
    from nodulus.app.commands.service_folder import open_database, own_folder
    from nodulus.app.serve.accounts import Accounts

    own_folder(data)
    database = open_database(data, url)
    try:
        yield Accounts(database)
    finally:
        database.close()


def _password(file: Path | None) -> str:
    if file is None:
        given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return given
    from nodulus.app.serve.secrets import read_secret

    return read_secret(file)
