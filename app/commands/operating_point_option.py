"""The option for a named operating point."""

from __future__ import annotations

import click

NAMES = ("sensitive", "balanced", "specific")
"""Those of ``nodulus.app.result.PointName``, whose import takes long."""

operating_point_option = click.option(
    "--operating-point",
    type=click.Choice(NAMES),
    help="Of the nodule probability: about 4, 1 or 1/4 other marks a scan; default: the settings'"
    " own, sensitive in the shipped ones.",
)
