"""`nodulus challenge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from nodulus.app.commands.chain_options import device_option, models_option, settings_option

if TYPE_CHECKING:
    from nodulus.app.deploy.grand_challenge import Contract


@click.command("challenge")
@click.argument("contract", type=click.Choice(["luna25", "nodule-detection"]))
@click.option(
    "--input",
    "source",
    default=Path("/input"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder that the platform gives, with images/chest-ct/.",
)
@click.option(
    "-o",
    "--output",
    default=Path("/output"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the JSON file.",
)
@models_option
@settings_option
@device_option
def command(
    contract: Literal["luna25", "nodule-detection"],
    source: Path,
    output: Path,
    models: Path | None,
    settings: Path | None,
    device: str,
) -> None:
    """Run as an algorithm of grand-challenge.org.

    luna25: the probability of malignancy at each point of nodule-locations.json.
    nodule-detection: every candidate with the probability that it is a nodule.

    Exit status: 0 done, 1 an input is missing or does not hold, 2 wrong usage.
    """
    from nodulus.app.chain import load_models, load_settings
    from nodulus.app.deploy.grand_challenge import run_contract

    asked: Contract = contract
    chain_settings = load_settings(settings, models)
    loaded = load_models(models, device, chain_settings.pipeline.precision)
    path = run_contract(asked, source, output, loaded, chain_settings, lambda *_: None)
    click.echo(str(path))
