"""`nodulus node`."""

from __future__ import annotations

import importlib.util
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.candidates_option import candidates_options, taken_for_many
from nodulus.app.commands.chain_options import device_option, precision_option
from nodulus.app.commands.clinical_option import clinical_option
from nodulus.app.commands.operating_point_option import operating_point_option
from nodulus.app.commands.output_options import output_options, taken
from nodulus.app.commands.service_log import log_to_stderr
from nodulus.app.commands.telemetry_options import telemetry_options, watching
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.chain.network.precision import PrecisionSetting
    from nodulus.app.result import PointName

NOT_DELIVERED = {
    "report": "only DICOM objects go back to Orthanc",
    "summary": "only DICOM objects go back to Orthanc",
    "language": "it is that of report.html and summary.txt",
    "explain": "it shows in report.html",
    "keep_intermediates": "only DICOM objects go back to Orthanc",
    "deidentify": "its objects belong to another study than the one that they would go back to",
}
"""Fields of `OutputOptions` for which the node has no option, and why."""


@click.command("node")
@click.option(
    "--orthanc",
    "url",
    default="http://127.0.0.1:8042",
    show_default=True,
    envvar="NODULUS_ORTHANC",
    help="Orthanc's REST interface.",
)
@click.option("--user", envvar="NODULUS_ORTHANC_USER", help="One of Orthanc's RegisteredUsers.")
@click.option(
    "--state",
    required=True,
    envvar="NODULUS_STATE",
    type=click.Path(path_type=Path),
    help="Folder of the node's own: what it must remember, and studies while they are analysed.",
)
@click.option(
    "--send-to",
    multiple=True,
    metavar="NAME",
    envvar="NODULUS_SEND_TO",
    help="Also send results to this one of Orthanc's DicomModalities; may be repeated.",
)
@click.option(
    "-m",
    "--models",
    type=click.Path(path_type=Path),
    envvar="NODULUS_MODELS",
    help="As for detect.",
)
@click.option("--settings", type=click.Path(path_type=Path), help="As for detect.")
@operating_point_option
@clinical_option
@candidates_options
@output_options(without=NOT_DELIVERED)
@device_option
@precision_option
@telemetry_options
@click.option(
    "--poll",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    help="Seconds between two looks at Orthanc.",
)
@click.option("--once", is_flag=True, help="End when nothing is left that can be done now.")
def command(
    url: str,
    user: str | None,
    state: Path,
    send_to: tuple[str, ...],
    models: Path | None,
    settings: Path | None,
    operating_point: PointName | None,
    clinical: Path | None,
    device: str,
    precision: PrecisionSetting | None,
    log_json: Path | None,
    traces: bool,
    poll: float,
    once: bool,
    **objects: Any,
) -> None:
    """Analyse what an Orthanc receives, and put SEG and SR back into it.

    A study is taken when it is stable: nothing was added to it for Orthanc's StableAge. The
    password comes from NODULUS_ORTHANC_PASSWORD. SIGTERM ends the node; it goes on where it was.

    Exit status: 0 ended as asked, 1 it cannot work like this, 2 wrong usage.
    """
    import os

    if importlib.util.find_spec("requests") is None:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "The node needs requests.",
            remedy="Install it with: pip install -c constraints.txt '.[node]'",
        )
    from nodulus.app.chain import load_models, load_settings
    from nodulus.app.deploy.node.analysis import Analyser, Stopped
    from nodulus.app.deploy.node.node import Node
    from nodulus.app.deploy.node.orthanc import Orthanc
    from nodulus.app.deploy.node.state import locked
    from nodulus.app.guidelines.clinical import ChangingClinicalFile
    from nodulus.app.marks import OWN_CANDIDATES

    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def check() -> None:
        if stop.is_set():
            raise Stopped

    options = taken(objects, report=False)
    candidates = taken_for_many(objects, deidentify=False, device=device)
    password = os.environ.get("NODULUS_ORTHANC_PASSWORD")
    orthanc = Orthanc(url, user, password, with_objects=objects["candidates_of_study"])
    with locked(state), watching(log_json, traces=traces) as watcher:
        chain_settings = load_settings(settings, models, operating_point=operating_point)
        loaded = load_models(models, device, precision or chain_settings.pipeline.precision)
        facts = ChangingClinicalFile(clinical) if clinical else None
        analyser = Analyser(
            orthanc, state, loaded, chain_settings, options, check, facts,
            OWN_CANDIDATES if candidates is None else candidates.open(), watcher,
        )  # fmt: skip
        Node(orthanc, analyser, send_to, poll, stop).run(once=once)
