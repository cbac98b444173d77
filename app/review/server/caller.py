"""Who asks, as the guard found out; routes get it from the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import Depends
from starlette.requests import Request

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.desk import Reader
from nodulus.app.review.entries import Role

SCOPE_KEY = "nodulus.caller"


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Args:
        reader: in whose name entries are made; None for who may read but not decide.
        csrf: what the page must send with a change.
        name: of the account, or of the reader.
        may_manage: whether accounts and the audit log are open to them.
        may_order: whether they make workitems, and change and cancel those that nobody has claimed.
        may_perform: whether they claim workitems, and end them.
        signed_in: whether it is an account, which can sign out.
    """

    reader: Reader | None
    csrf: str = field(repr=False)
    name: str
    may_manage: bool = False
    may_order: bool = True
    may_perform: bool = True
    signed_in: bool = False

    @property
    def role(self) -> Role | Literal["admin", "system"]:
        """What they are to the page."""
        if self.reader is not None:
            return self.reader.role
        return "admin" if self.may_manage else "system"

    @property
    def reading(self) -> Reader:
        """Whose log is shown: their own, or that which all readers share."""
        return self.reader or Reader(self.name)

    @property
    def deciding(self) -> Reader:
        """In whose name an entry is made.

        Raises:
            NodulusError: ``not-allowed``.
        """
        if self.reader is None:
            raise NodulusError(
                ErrorCode.NOT_ALLOWED,
                "This account does not decide.",
                remedy="Sign in as a reader or an adjudicator.",
            )
        return self.reader


def caller_of(request: Request) -> Caller:
    """Give who asks."""
    caller: Caller = request.scope[SCOPE_KEY]
    return caller


Asking = Annotated[Caller, Depends(caller_of)]
"""Type of a route's argument that is who asks."""
