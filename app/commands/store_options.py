"""The options for where results are sent by C-STORE."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.option_group import option_group

if TYPE_CHECKING:
    from nodulus.app.serve.dicom_destination import DicomAddress, DicomDestination

_PEM = click.Path(path_type=Path, exists=True, dir_okay=False)


def _addresses(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[DicomAddress, ...]:
    from nodulus.app.serve.dicom_destination import DicomAddress

    try:
        return tuple(DicomAddress.parse(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", ctx, param) from error


def _ae_title(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from nodulus.app.serve.dicom_destination import check_ae_title

    try:
        return check_ae_title(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", ctx, param) from error


store_options = option_group(
    click.option(
        "--store",
        metavar="AE@HOST:PORT",
        multiple=True,
        callback=_addresses,
        help="Send all results to this Storage SCP (C-STORE), not encrypted; may be repeated.",
    ),
    click.option(
        "--store-tls",
        metavar="AE@HOST:PORT",
        multiple=True,
        callback=_addresses,
        help="The same by TLS.",
    ),
    click.option(
        "--store-as",
        metavar="AE",
        default="NODULUS",
        show_default=True,
        callback=_ae_title,
        help="Our AE title.",
    ),
    click.option("--store-ca", type=_PEM, help="Who signs the certificates of --store-tls (PEM)."),
    click.option("--store-cert", type=_PEM, help="Our certificate (PEM), where it asks for one."),
    click.option("--store-key", type=_PEM, help="Its key (PEM), if that is another file."),
)


def store_destinations(
    plain: tuple[DicomAddress, ...],
    by_tls: tuple[DicomAddress, ...],
    calling: str,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> dict[str, DicomDestination]:
    """Give the destinations by the names under which what is to be sent is put down.

    Args:
        plain: addresses that are not encrypted.
        by_tls: those that are.
        calling: our AE title.
        ca: who signs the certificates of those.
        certificate: our own.
        key: of it.

    Raises:
        NodulusError: ``settings-invalid``: the certificates cannot be used.
    """
    from nodulus.app.serve.dicom_destination import DicomDestination, store_tls

    found = {f"dicom://{one}": DicomDestination(one, calling) for one in plain}
    if by_tls:
        context = store_tls(ca, certificate, key)
        found |= {f"dicom+tls://{one}": DicomDestination(one, calling, context) for one in by_tls}
    return found
