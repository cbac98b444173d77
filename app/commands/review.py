"""`nodulus review`."""

from __future__ import annotations

import getpass
import logging
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.chain_options import (
    debug_option,
    device_option,
    models_option,
    settings_option_with,
)
from nodulus.app.commands.listening import LOOPBACK, listen
from nodulus.app.commands.packages import require_packages
from nodulus.app.commands.two_readers_option import two_readers_option
from nodulus.app.commands.viewer_option import viewer_in, viewer_option

if TYPE_CHECKING:
    import socket

    from nodulus.app.review.entries import Role
    from nodulus.app.review.server.access import Session

PACKAGES = ("fastapi", "uvicorn", "sqlalchemy", "alembic")
"""Of the extra ``review``, by import name."""


@click.command("review")
@click.argument(
    "results", metavar="RESULTS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--images",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Where the CTs are, if not where detect read them; may be repeated.",
)
@click.option("--reader", metavar="NAME", help="Who decides; default: the login name.")
@two_readers_option
@click.option(
    "--role",
    type=click.Choice(["reader", "adjudicator"]),
    default="reader",
    show_default=True,
    help="Of --reader, with --two-readers.",
)
@click.option(
    "--organization",
    default="not given",
    help="Of the reader; stands in signed-off reports as who has verified them.",
)
@click.option(
    "--database",
    metavar="URL",
    envvar="NODULUS_REVIEW_DATABASE",
    help="SQLAlchemy URL of the decisions; default: review.sqlite in each folder of results.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free one.")
@click.option("--browser/--no-browser", default=True, help="Open the page.")
@viewer_option
@models_option
@settings_option_with("review.json")
@device_option
@click.option(
    "--memory-gb",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    help="For CTs that were read.",
)
@debug_option
def command(
    results: tuple[Path, ...],
    images: tuple[Path, ...],
    reader: str | None,
    two_readers: bool,
    role: Role,
    organization: str,
    database: str | None,
    port: int,
    browser: bool,
    viewer: Path | None,
    models: Path | None,
    settings: Path | None,
    device: str,
    memory_gb: float,
    debug: bool,
) -> None:
    """Read, decide on and complete the findings of RESULTS in a page of this computer.

    RESULTS are folders that nodulus detect wrote, or single studies' in them. The page is served to
    this computer alone, to who opens the printed address. Ctrl-C ends it; every decision is kept at
    once.

    Exit status: 0 ended as asked, 1 it cannot work like this, 2 wrong usage.
    """
    require_packages(PACKAGES, "review")
    from nodulus.app.chain import load_models, load_settings
    from nodulus.app.review.database import Database
    from nodulus.app.review.desk import Desk, Reader
    from nodulus.app.review.images import ImageReader
    from nodulus.app.review.reading_rule import reading_rule
    from nodulus.app.review.result_folders import check_results
    from nodulus.app.review.server.access import loopback_session
    from nodulus.app.review.server.application import create_app
    from nodulus.app.review.server.run_server import run_server
    from nodulus.app.review.store import Store

    if debug:
        logging.basicConfig(level=logging.DEBUG)
        logging.getLogger("nodulus").setLevel(logging.DEBUG)
    check_results(results)
    viewer_build = viewer_in(viewer)
    chain_settings = load_settings(settings, models)
    shared = None if database is None else Store(Database(database))
    with ExitStack() as stack:
        listener = stack.enter_context(listen(port))
        desk = Desk(
            results,
            Store.in_folder if shared is None else lambda _folder: shared,
            ImageReader(images, int(memory_gb * 2**30), chain_settings),
            lambda: load_models(models, device, chain_settings.pipeline.precision),
            chain_settings,
            two_readers=two_readers,
            rule=reading_rule(settings),
        )
        stack.callback(desk.close)
        who = Reader(reader or getpass.getuser(), role)
        session = loopback_session(listener.getsockname()[1], who)
        application = create_app(desk, session, organization, viewer=viewer_build)
        address = _address(listener, session)
        click.echo(f"review: {address}")
        click.echo("The address lets whoever has it read and decide. Ctrl-C ends.", err=True)
        if browser:
            _open_browser(address, stack)
        run_server(application, listener)


def _address(listener: socket.socket, session: Session) -> str:
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}/?token={session.token}"


def _open_browser(address: str, stack: ExitStack) -> None:
    """Open the page by way of a file that this user alone can read.

    The address on a browser's command line would show its token to every user of the computer.
    """
    from nodulus.app.private_folder import private_folder

    page = stack.enter_context(private_folder()) / "open.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><title>Nodulus</title>'
        f'<meta http-equiv="refresh" content="0;url={address}"><a href="{address}">Nodulus</a>\n',
        encoding="utf-8",
    )
    page.chmod(0o600)
    webbrowser.open(page.as_uri())
