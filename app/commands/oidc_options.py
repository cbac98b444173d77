"""The options for signing in with an OpenID Connect provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from nodulus.app.commands.option_group import option_group
from nodulus.app.commands.packages import require_packages

if TYPE_CHECKING:
    from nodulus.app.serve.accounts import PersonRole
    from nodulus.app.serve.oidc import Oidc

SECRET = "NODULUS_OIDC_SECRET"  # noqa: S105 - the name of a variable


def _roles(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, PersonRole]:
    from nodulus.app.serve.accounts import PersonRole

    known: dict[str, PersonRole] = {role: role for role in get_args(PersonRole)}
    found = {}
    for value in values:
        theirs, _, ours = value.rpartition("=")
        if not theirs or ours not in known:
            roles = ", ".join(known)
            raise click.BadParameter(f"{value!r} is not THEIRS=OURS with {roles}.", ctx, param)
        found[theirs] = known[ours]
    return found


oidc_options = option_group(
    click.option(
        "--oidc", metavar="ISSUER", help="Readers also sign in with this OpenID Connect provider."
    ),
    click.option("--oidc-client", metavar="ID", help="Our client ID there."),
    click.option(
        "--oidc-name",
        metavar="CLAIM",
        default="preferred_username",
        show_default=True,
        help="Of the ID token: the account's name.",
    ),
    click.option(
        "--oidc-roles",
        metavar="CLAIM",
        default="roles",
        show_default=True,
        help="Of the ID token: the roles; dots go into objects (realm_access.roles).",
    ),
    click.option(
        "--oidc-role",
        metavar="THEIRS=OURS",
        multiple=True,
        callback=_roles,
        help="Which of their roles is reader, adjudicator or admin; default: those of that name.",
    ),
)


def make_oidc(
    issuer: str | None,
    client_id: str | None,
    name_claim: str,
    roles_claim: str,
    roles: dict[str, PersonRole],
    address: str,
    *,
    with_accounts: bool,
) -> Oidc | None:
    """Give the provider that the options name; None without one.

    Args:
        issuer: of the provider.
        client_id: ours.
        name_claim: the account's name in the ID token.
        roles_claim: the roles there.
        roles: ours by theirs; empty for those of the same name.
        address: of the service, for browsers; ends with a slash.
        with_accounts: whether the service has accounts.

    Raises:
        NodulusError: ``package-missing``, ``settings-invalid`` or ``input-not-readable``.
    """
    from nodulus.app.errors import ErrorCode, NodulusError

    if issuer is None:
        return None
    require_packages(("authlib", "joserfc"), "oidc")
    if not (client_id and with_accounts):
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            "An OpenID Connect provider needs accounts, and our client ID there.",
            remedy="Give --accounts and --oidc-client too.",
        )
    from nodulus.app.serve.account_access import OIDC_CALLBACK
    from nodulus.app.serve.oidc import Oidc, OidcSettings
    from nodulus.app.serve.secrets import secret

    more = {"roles": roles} if roles else {}
    return Oidc(
        OidcSettings(
            issuer,
            client_id,
            f"{address.rstrip('/')}{OIDC_CALLBACK}",
            secret(SECRET),
            name_claim,
            roles_claim,
            **more,
        )
    )
