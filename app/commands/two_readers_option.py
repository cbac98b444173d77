"""The option of the commands that can have studies read twice."""

from __future__ import annotations

import click

two_readers_option = click.option(
    "--two-readers",
    is_flag=True,
    help="Two readers read each study without seeing each other; an adjudicator decides where they"
    " differ.",
)
