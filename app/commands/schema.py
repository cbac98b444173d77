"""`nodulus schema`."""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the JSON schema of findings.json."""
    from nodulus.app.results.schema import schema_text

    click.echo(schema_text(), nl=False)
