"""The options of commands that run the chain: which networks and settings, on what, how long."""

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
precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="What the networks compute in; default: as pipeline.json says.",
)
debug_option = click.option(
    "--debug", is_flag=True, help="Show details of unexpected errors; they may quote the input."
)
time_limit_option = click.option(
    "--time-limit",
    type=click.FloatRange(1),
    default=1800.0,
    show_default=True,
    metavar="SECONDS",
    help="For one study; then its worker is stopped.",
)
memory_limit_option = click.option(
    "--memory-limit",
    type=click.FloatRange(64),
    metavar="MIB",
    help="Of one worker; default: 90 % of the machine's memory for all of them.",
)
