"""Who may sign in, with which role; sessions of browsers and tokens of programs."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal, get_args

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.database import Database
from nodulus.app.serve.tables import account_identities, account_sessions, accounts

AccountRole = Literal["reader", "adjudicator", "admin", "system"]
"""A reader and an adjudicator decide, the latter after two readers where studies have two; an admin
sees the audit log too, and decides nothing; a system is another program, such as a task manager."""
PersonRole = Literal["reader", "adjudicator", "admin"]
"""Roles of those who sign in with a provider."""
ORDERING: tuple[AccountRole, ...] = ("admin", "system")
"""Who makes, changes and cancels workitems that nobody has claimed."""
PERFORMING: tuple[AccountRole, ...] = ("reader", "adjudicator", "system")
"""Who claims workitems, and ends them."""
SessionKind = Literal["browser", "program"]

MIN_PASSWORD = 12
"""Characters; NIST SP 800-63B asks for eight, and for no rule about their kinds."""
MAX_PASSWORD = 1000
SESSION_S = 12 * 3600.0
TOKEN_S = 366 * 86400.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._^@-]{0,63}")
_hasher = PasswordHasher()  # argon2id with the library's parameters: RFC 9106's second choice
_nobody = _hasher.hash(secrets.token_urlsafe())
"""Verified where there is no such account, so that the answer takes as long."""


@dataclass(frozen=True)
class Account:
    """Somebody who may sign in.

    Args:
        name: stands in the log of decisions, and as a DICOM person name in the SR.
        role: what they may do.
        disabled: whether they may not sign in any more.
    """

    name: str
    role: AccountRole
    disabled: bool = False


@dataclass(frozen=True)
class OpenSession:
    """A session of an account.

    Args:
        account: whose.
        kind: of a browser or of a program.
        csrf: what a browser's page must send with a change.
    """

    account: Account
    kind: SessionKind
    csrf: str = field(repr=False)


class Accounts:
    """The accounts.

    Args:
        database: that keeps them.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def add(self, name: str, role: AccountRole, password: str) -> None:
        """Make an account.

        Args:
            name: letters, digits and ``._^@-``, at most 64.
            role: see `AccountRole`.
            password: at least `MIN_PASSWORD` characters.

        Raises:
            NodulusError: ``settings-invalid``: the name or the password does not hold, or there
                is one of that name.
        """
        values = _checked(name, role, password)
        try:
            with self._database.write() as connection:
                connection.execute(sa.insert(accounts).values(values))
        except sa.exc.IntegrityError as error:
            raise _taken() from error

    def of_person(self, issuer: str, subject: str, name: str, role: AccountRole) -> Account:
        """Give the account of somebody whom an OpenID Connect provider knows, made where needed.

        It belongs to issuer and subject, whatever the name becomes there; its role is what the
        provider says now. No password opens it.

        Args:
            issuer: of the provider.
            subject: names the person there.
            name: of an account that is made.
            role: see `AccountRole`.

        Raises:
            NodulusError: ``settings-invalid``: the name does not hold or is another's;
                ``login-failed``: the account is disabled.
        """
        values = _checked(name, role, secrets.token_urlsafe(64))
        theirs = {"issuer": issuer, "subject": subject}
        known = sa.select(account_identities.c.account).filter_by(**theirs)
        try:
            with self._database.write() as connection:
                account = connection.scalar(known)
                if account is None:
                    connection.execute(sa.insert(accounts).values(values))
                    connection.execute(sa.insert(account_identities).values(account=name, **theirs))
                    account = name
                changed = connection.execute(
                    sa.update(accounts)
                    .where(accounts.c.name == account, sa.not_(accounts.c.disabled))
                    .values(role=role)
                )
        except sa.exc.IntegrityError as error:
            raise _taken() from error
        if changed.rowcount == 0:
            raise NodulusError(
                ErrorCode.LOGIN_FAILED, "The account is disabled.", remedy="Ask an administrator."
            )
        return Account(str(account), role)

    def change(
        self, name: str, *, password: str | None = None, disabled: bool | None = None
    ) -> None:
        """Change an account, and end its sessions and tokens.

        Args:
            name: of the account.
            password: a new one.
            disabled: whether it may not be used any more.

        Raises:
            NodulusError: ``settings-invalid``.
        """
        values: dict[str, object] = {}
        if password is not None:
            values["password"] = _hashed(password)
        if disabled is not None:
            values["disabled"] = disabled
        with self._database.write() as connection:
            changed = connection.execute(
                sa.update(accounts).where(accounts.c.name == name).values(**values)
            )
            if changed.rowcount == 0:
                raise _invalid("There is no such account.", "nodulus accounts list shows them.")
            connection.execute(
                sa.delete(account_sessions).where(account_sessions.c.account == name)
            )

    def all(self) -> list[Account]:
        """All of them, by name."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(accounts).order_by(accounts.c.name))
            return [Account(row.name, row.role, row.disabled) for row in rows]

    def verified(self, name: str, password: str) -> Account | None:
        """Give the account where name and password belong together, else None."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(accounts).where(accounts.c.name == name)).first()
        try:
            _hasher.verify(_nobody if row is None else row.password, password[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        if row is None or row.disabled:
            return None
        return Account(row.name, row.role)

    def open(self, account: str, kind: SessionKind) -> str:
        """Open a session; give its token, of which only a checksum is kept.

        Raises:
            NodulusError: ``settings-invalid``: there is no such account.
        """
        token, now = secrets.token_urlsafe(32), self._clock()
        if account not in {known.name for known in self.all() if not known.disabled}:
            raise _invalid("There is no such account.", "nodulus accounts list shows them.")
        with self._database.write() as connection:
            connection.execute(sa.delete(account_sessions).where(account_sessions.c.expires < now))
            connection.execute(
                sa.insert(account_sessions).values(
                    token_sha256=_checksum(token),
                    account=account,
                    kind=kind,
                    csrf=secrets.token_urlsafe(32),
                    created=now,
                    expires=now + (SESSION_S if kind == "browser" else TOKEN_S),
                )
            )
        return token

    def session(self, token: str, kind: SessionKind) -> OpenSession | None:
        """Give the session of a token, None where it has ended or is of another kind."""
        if not token:
            return None
        query = (
            sa.select(account_sessions.c.csrf, accounts.c.name, accounts.c.role)
            .join(accounts, accounts.c.name == account_sessions.c.account)
            .where(
                account_sessions.c.token_sha256 == _checksum(token),
                account_sessions.c.kind == kind,
                account_sessions.c.expires > self._clock(),
                sa.not_(accounts.c.disabled),
            )
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else OpenSession(Account(row.name, row.role), kind, row.csrf)

    def close(self, token: str) -> None:
        """End a session."""
        with self._database.write() as connection:
            connection.execute(
                sa.delete(account_sessions).where(
                    account_sessions.c.token_sha256 == _checksum(token)
                )
            )


def _checked(name: str, role: AccountRole, password: str) -> dict[str, object]:
    """The row of a new account."""
    if not _NAME.fullmatch(name):
        raise _invalid("The name does not hold.", "Use letters, digits and ._^@-, at most 64.")
    if role not in get_args(AccountRole):
        raise _invalid("There is no such role.", f"Use {', '.join(get_args(AccountRole))}.")
    return {
        "name": name,
        "role": role,
        "password": _hashed(password),
        "disabled": False,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _taken() -> NodulusError:
    return _invalid("There is an account of that name.", "Choose another.")


def _hashed(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise _invalid(
            f"The password has {len(password)} characters.", f"Use at least {MIN_PASSWORD}."
        )
    return _hasher.hash(password)


def _checksum(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invalid(message: str, remedy: str) -> NodulusError:
    return NodulusError(ErrorCode.SETTINGS_INVALID, message, remedy=remedy)
