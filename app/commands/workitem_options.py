"""The options of the worklist (UPS-RS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nodulus.app.commands.option_group import option_group
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.serve.workitems.image_source import ImageSource

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
)


def image_sources(
    urls: tuple[str, ...], user: str | None, max_bytes: int, *, with_workitems: bool
) -> list[ImageSource]:
    """Make what the options say.

    Args:
        urls: of ``--ups-source``.
        user: of ``--ups-source-user``.
        max_bytes: of one answer.
        with_workitems: whether ``--ups`` is given.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    from nodulus.app.serve.secrets import secret
    from nodulus.app.serve.workitems.image_source import ImageSource

    if urls and not with_workitems:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            "Images are fetched for workitems alone.",
            remedy="Give --ups too, or leave --ups-source out.",
        )
    password, token = secret(PASSWORD), secret(TOKEN)
    return [ImageSource(url, user, password, token, max_bytes) for url in urls]
