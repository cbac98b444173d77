"""`nodulus evaluate`."""

from __future__ import annotations

import click

from nodulus.app.commands.evaluate.compare import compare
from nodulus.app.commands.evaluate.findings import findings
from nodulus.app.commands.evaluate.froc import froc
from nodulus.app.commands.evaluate.nodule_points import nodule_points
from nodulus.app.commands.evaluate.operating_points import operating_points
from nodulus.app.commands.evaluate.scans import scans
from nodulus.app.commands.evaluate.segmentation_points import segmentation_points


@click.group("evaluate")
def command() -> None:
    """Compare results with known nodules."""


for _part in (compare, findings, froc, nodule_points, operating_points, scans, segmentation_points):
    command.add_command(_part)
