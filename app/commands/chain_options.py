"""The options of commands that run the chain: which networks, which settings, on what."""

from __future__ import annotations

from pathlib import Path

import click

models_option = click.option(
    "-m",
    "--models",
    type=click.Path(path_type=Path),
    help="Folder with the three bundles; default: the shipped ones.",
)
settings_option = click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="Folder with pipeline.json, operating_points.json or lungs.json of your own.",
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:N or auto."
)
