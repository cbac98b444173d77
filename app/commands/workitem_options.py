"""The options of the worklist (UPS-RS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nodulus.app.commands.option_group import option_group
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.serve.workitems.image_source import ImageSource
    from nodulus.app.serve.workitems.performer import KeptWorkitems

PASSWORD, TOKEN = "NODULUS_UPS_SOURCE_PASSWORD", "NODULUS_UPS_SOURCE_TOKEN"

workitem_options = option_group(
    click.option(
        "--ups",
        is_flag=True,
        help="Also take workitems (UPS-RS), and perform those that ask for an analysis.",
    ),
    click.option(
        "--ups-source",
        metavar="URL",
        multiple=True,
        help="DICOMweb server that workitems' images may be fetched from; may be repeated.",
    ),
    click.option(
        "--ups-source-user",
        envvar="NODULUS_UPS_SOURCE_USER",
        help="Where it asks for one.",
    ),
    click.option(
        "--keep-workitems",
        type=click.FloatRange(min=0),
        metavar="DAYS",
        help="Remove workitems so long after their last change, also those that nobody has"
        " performed; default: those that have ended, after --keep-results.",
    ),
)


def sources_and_keeping(
    urls: tuple[str, ...],
    user: str | None,
    max_bytes: int,
    keep_days: float | None,
    results_days: float | None,
    *,
    with_workitems: bool,
) -> tuple[list[ImageSource], KeptWorkitems]:
    """Make what the options say.

    Args:
        urls: of ``--ups-source``.
        user: of ``--ups-source-user``.
        max_bytes: of one answer.
        keep_days: of ``--keep-workitems``.
        results_days: of ``--keep-results``.
        with_workitems: whether ``--ups`` is given.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    from nodulus.app.serve.secrets import secret
    from nodulus.app.serve.workitems.image_source import ImageSource
    from nodulus.app.serve.workitems.performer import KeptWorkitems

    if urls and not with_workitems:
        raise _needs_ups("Images are fetched for workitems alone.", "--ups-source")
    if keep_days is not None and not with_workitems:
        raise _needs_ups("There are no workitems to be kept.", "--keep-workitems")
    password, token = secret(PASSWORD), secret(TOKEN)
    sources = [ImageSource(url, user, password, token, max_bytes) for url in urls]
    if keep_days is None:
        return sources, KeptWorkitems(results_days)
    return sources, KeptWorkitems(keep_days, unended=True)


def _needs_ups(message: str, option: str) -> NodulusError:
    return NodulusError(
        ErrorCode.SETTINGS_INVALID, message, remedy=f"Give --ups too, or leave {option} out."
    )
