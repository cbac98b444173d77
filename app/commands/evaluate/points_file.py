"""operating_points.json and pipeline.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.errors import not_writable

if TYPE_CHECKING:
    from nodulus.app.chain.settings import OperatingPoints, PipelineSettings


def write_points(path: Path, points: OperatingPoints) -> None:
    """Write operating_points.json, and say what is in it.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    # A temperature of 1 or an offset of 0 is none, and is not written.
    _write(path, points.model_dump(exclude_defaults=True))
    for point in points.listed():
        click.echo(f"{point.name}: {point.threshold:g} ({point.chosen_on})")
    for name, choice in points.nodule_choices.items():
        click.echo(f"nodule, {name}: {choice.threshold:g} ({choice.chosen_on})")


def write_pipeline(path: Path, pipeline: PipelineSettings) -> None:
    """Write pipeline.json: the keys that were given, and what is not the default.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    _write(path, pipeline.model_dump(exclude_unset=True))


def _write(path: Path, content: dict[str, Any]) -> None:
    from nodulus.bundles.common.atomic_files import write_text

    try:
        write_text(path, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise not_writable(path, error) from error
