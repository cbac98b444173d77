"""`nodulus mcp`."""

from __future__ import annotations

from pathlib import Path

import click

from nodulus.app.commands.packages import require_packages


@click.command("mcp")
@click.argument(
    "results", metavar="RESULTS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def command(results: tuple[Path, ...]) -> None:
    """Let an agent read the results in RESULTS, by the Model Context Protocol.

    Speaks it over standard input and output, as a program that an agent starts. The tools list
    studies and findings, explain a finding, and say what this installation can do. They write
    nothing and tell no patient's identity.
    """
    require_packages(["mcp"], "mcp")
    from nodulus.app.agents.reading_room import ReadingRoom
    from nodulus.app.agents.server import make_server

    make_server(ReadingRoom(results)).run("stdio")
