"""The server of the Model Context Protocol: four tools that only read."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from nodulus.app.agents.reading_room import ReadingRoom
from nodulus.app.errors import NodulusError
from nodulus.app.installation import describe_installation

_INSTRUCTIONS = (
    "Results of Nodulus, research software that marks lung nodules in chest CT and assists a reader"
    " who decides. Coordinates are patient LPS millimetres. Say with each answer that it is not a"
    " diagnosis."
)


def make_server(room: ReadingRoom) -> MCPServer:
    """Make the server; its tools write nothing.

    Args:
        room: what they tell.
    """
    server = MCPServer("nodulus", instructions=_INSTRUCTIONS, version=metadata.version("nodulus"))
    read_only = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    def list_studies() -> str:
        """List the analysed studies with their number of findings and warnings."""
        return _text(room.studies)

    def list_findings(study: str) -> str:
        """List the findings of a study: place, size, kind, probabilities."""
        return _text(lambda: room.findings(study))

    def explain_finding(study: str, finding: int) -> str:
        """Tell all that is known of one finding, the thresholds, and what guidelines ask for."""
        return _text(lambda: room.explain(study, finding))

    def capabilities() -> str:
        """Tell versions, networks, thresholds, formats and error codes of this installation."""
        return _text(describe_installation)

    for tool in (list_studies, list_findings, explain_finding, capabilities):
        server.tool(annotations=read_only)(tool)
    return server


def _text(answer: Callable[[], Any]) -> str:
    try:
        return json.dumps(answer(), indent=1)
    except NodulusError as error:
        raise ToolError(str(error)) from error
