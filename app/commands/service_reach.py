"""Where `nodulus serve` is reached, and by whom."""

from __future__ import annotations

import getpass
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    import socket

    from nodulus.app.review.database import Database
    from nodulus.app.review.server.access import Session
    from nodulus.app.serve.account_access import AccountAccess


def check_reach(host: str, *, with_accounts: bool, tls: bool, two_readers: bool) -> None:
    """Make sure that only who may can read what goes over a network, and that readers are known.

    Args:
        host: that is listened on.
        with_accounts: whether readers sign in.
        tls: whether there is a certificate.
        two_readers: whether studies are read twice.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    if two_readers and not with_accounts:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            "Without accounts nobody knows which of two readers decides.",
            remedy="Give --accounts too, or leave --two-readers out.",
        )
    try:
        is_own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        return  # listening says what is wrong with it
    if is_own or (with_accounts and tls):
        return
    raise NodulusError(
        ErrorCode.SETTINGS_INVALID,
        f"Others could reach {host}, and read patients' images there.",
        remedy="Give --accounts, --tls-cert and --tls-key; or listen on 127.0.0.1 behind a proxy"
        " that speaks TLS, and name its address with --name.",
    )


def service_address(
    listener: socket.socket, host: str, names: tuple[str, ...], *, tls: bool
) -> str:
    """Give where browsers reach the service; with a slash at its end.

    Args:
        listener: bound.
        host: that it listens on.
        names: by which it is reached instead, the first one first.
        tls: whether it has a certificate.
    """
    place = names[0] if names else f"{host}:{listener.getsockname()[1]}"
    return f"{'https' if tls or names else 'http'}://{place}/"


def make_access(
    data: Path,
    listener: socket.socket,
    database: Database,
    host: str,
    names: tuple[str, ...],
    reader: str | None,
    *,
    with_accounts: bool,
    tls: bool,
) -> AccountAccess | Session:
    """Say where the service is reached, and give what recognises who asks.

    Args:
        data: the service's folder, with its token.
        listener: bound.
        database: with the accounts.
        host: that is listened on.
        names: by which it is reached too.
        reader: who decides where there are no accounts; None for the login name.
        with_accounts: whether readers sign in.
        tls: whether there is a certificate.
    """
    from nodulus.app.review.desk import Reader
    from nodulus.app.review.server.access import Session, loopback_hosts
    from nodulus.app.serve.account_access import AccountAccess
    from nodulus.app.serve.accounts import Accounts
    from nodulus.app.serve.secrets import kept_token

    port = listener.getsockname()[1]
    address = service_address(listener, host, names, tls=tls)
    hosts = loopback_hosts(port, [*(f"{name}:{port}" for name in (host, *names)), *names])
    if with_accounts:
        # Behind a proxy that speaks TLS, browsers know the name that it has.
        click.echo(f"serve: {address}")
        return AccountAccess(hosts, Accounts(database), secure=tls or bool(names))
    access = Session(hosts, Reader(reader or getpass.getuser()), kept_token(data))
    click.echo(f"serve: {address}?token={access.token}")
    click.echo(
        "The address lets whoever has it read and decide; programs send its token as"
        " 'Authorization: Bearer TOKEN'.",
        err=True,
    )
    return access
