"""Options that several of the commands have."""

from __future__ import annotations

from pathlib import Path

import click

SHARE = click.FloatRange(0, 1, min_open=True)

bootstrap = click.option(
    "--bootstrap",
    default=1000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Samples for the FROC curve's interval; 0 for none.",
)
confidence = click.option(
    "--confidence",
    default=0.95,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Of the intervals.",
)
seed = click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**32 - 1),
    help="Of the bootstrap.",
)
excluded_places = click.option(
    "--excluded",
    type=click.Path(path_type=Path),
    help="Places that do not matter: a phantom's findings.csv, or annotations_excluded.csv.",
)
json_file = click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the figures here."
)
points_file = click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="operating_points.json to write.",
)
