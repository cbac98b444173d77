"""`nodulus schema`."""

from __future__ import annotations

import json

import click


@click.command("schema")
def command() -> None:
    """Print the JSON schema of findings.json."""
    from nodulus.app.results.schema import findings_schema

    click.echo(json.dumps(findings_schema(), indent=2))
