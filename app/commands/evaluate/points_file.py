"""operating_points.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from app.chain.settings import OperatingPoints


def write_points(path: Path, points: OperatingPoints) -> None:
    """Write operating_points.json, and say what is in it.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    from bundles.common.files import write_text

    try:
        # A temperature of 1 or an offset of 0 is none, and is not written.
        text = json.dumps(points.model_dump(exclude_defaults=True), indent=2)
        write_text(path, text + "\n")
    except OSError as error:
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"the operating points cannot be written ({error.strerror or type(error).__name__}).",
            remedy="Name another file.",
            subject=path,
        ) from error
    for point in points.listed():
        click.echo(f"{point.name}: {point.threshold:g} ({point.chosen_on})")
