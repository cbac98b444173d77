"""`nodulus model-server`."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.chain_options import device_option, models_option, precision_option

if TYPE_CHECKING:
    from nodulus.app.chain.network.precision import PrecisionSetting


@click.group("model-server")
def command() -> None:
    """Have the networks on a server, for `--model-service` of the other commands."""


@command.command("start")
@models_option
@device_option
@precision_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--replicas",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes, each with all three networks.",
)
@click.option(
    "--threads", type=click.IntRange(1), help="Of a replica; default: the cores divided by them."
)
@click.option(
    "--gpus",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Of a replica; 0.5: two of them share one.",
)
@click.option(
    "--ray",
    "address",
    default="local",
    show_default=True,
    metavar="ADDRESS",
    help="Ray cluster: auto, its head's address, or local for this machine alone.",
)
def start(
    models: Path | None,
    device: str,
    precision: PrecisionSetting | None,
    host: str,
    port: int,
    replicas: int,
    threads: int | None,
    gpus: float,
    address: str,
) -> None:
    """Serve the three networks by the Open Inference Protocol, with Ray Serve, until Ctrl-C.

    The server asks nobody who they are: let it listen where only those who may use it reach it.
    """
    from nodulus.app.chain.settings import load_settings
    from nodulus.app.cohort.memory import usable_cores
    from nodulus.app.cohort.ray_cluster import connected
    from nodulus.app.commands.cohort import sigterm_interrupts
    from nodulus.app.model_server.ray_serve import ServerOptions, serving

    setting = precision or load_settings(None, models).pipeline.precision
    options = ServerOptions(
        None if models is None else models.resolve(),
        device,
        setting,
        replicas,
        threads or max(1, usable_cores() // replicas),
        gpus,
    )
    with ExitStack() as stack:
        stack.enter_context(connected(address))
        stack.enter_context(sigterm_interrupts())  # in the place of Ray's own
        try:
            stack.enter_context(serving(options, host, port))
            click.echo(f"The networks are served at http://{host}:{port} (Ctrl-C ends it)")
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("Ended.")


@command.command("repository")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder to be made."
)
@models_option
def repository(output: Path, models: Path | None) -> None:
    """Write the networks as a model repository of Triton (ONNX), for the same protocol."""
    from rich.console import Console

    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.model_server.repository import write_repository

    with StudyProgress(Console(stderr=True)) as progress:
        write_repository(
            output, models, lambda done, total: progress.step("exporting networks", done, total)
        )
    click.echo(f"{output}: start Triton with --model-repository={output}")
