"""The options of commands that run the chain: which networks and settings, on what, how long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

models_option = click.option(
    "-m",
    "--models",
    type=click.Path(path_type=Path),
    help="Folder with the three bundles; default: the shipped ones.",
)


def settings_option_with(*more: str) -> Callable[[_Command], _Command]:
    """Give ``--settings`` of a command that has settings of its own beside the chain's.

    Args:
        more: names of their files.
    """
    *names, last = ("pipeline.json", "operating_points.json", "lungs.json", *more)
    return click.option(
        "--settings",
        type=click.Path(path_type=Path),
        help=f"Folder with {', '.join(names)} or {last} of your own.",
    )


settings_option = settings_option_with()
device_option = click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:N or auto."
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="What the networks compute in; default: as pipeline.json says.",
)
model_service_option = click.option(
    "--model-service",
    metavar="URL",
    help="Server that computes the networks, such as `nodulus model-server` or Triton; --models"
    " must be its own.",
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
