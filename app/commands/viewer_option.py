"""`--viewer`, of the commands that show studies in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nodulus.app.review.server.viewer_build import ViewerBuild

viewer_option = click.option(
    "--viewer",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Also open studies in this static build of OHIF (dist of the npm package @ohif/app).",
)


def viewer_in(folder: Path | None) -> ViewerBuild | None:
    """Open the build that ``--viewer`` names.

    Raises:
        NodulusError: as `open_viewer_build`.
    """
    from nodulus.app.review.server.viewer_build import open_viewer_build

    return None if folder is None else open_viewer_build(folder)
