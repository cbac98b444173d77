"""The option for what is known of patients beside their images."""

from __future__ import annotations

from pathlib import Path

import click

clinical_option = click.option(
    "--clinical",
    type=click.Path(path_type=Path),
    help="JSON or CSV of what is known of patients and what a reader says of findings, for the"
    " advice of guidelines.",
)
