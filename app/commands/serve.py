"""`nodulus serve`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.candidates_option import candidates_options, taken_for_many
from nodulus.app.commands.chain_options import (
    debug_option,
    device_option,
    memory_limit_option,
    model_service_option,
    models_option,
    precision_option,
    settings_option_with,
    time_limit_option,
)
from nodulus.app.commands.clinical_option import clinical_option
from nodulus.app.commands.listening import LOOPBACK, listen
from nodulus.app.commands.oidc_options import make_oidc, oidc_options
from nodulus.app.commands.operating_point_option import operating_point_option
from nodulus.app.commands.output_options import output_options, taken
from nodulus.app.commands.packages import require_packages
from nodulus.app.commands.service_folder import open_database, own_folder
from nodulus.app.commands.service_log import log_to_stderr
from nodulus.app.commands.service_reach import check_reach, make_access, service_address
from nodulus.app.commands.store_options import store_destinations, store_options
from nodulus.app.commands.telemetry_options import telemetry_options, watching
from nodulus.app.commands.two_readers_option import two_readers_option
from nodulus.app.commands.viewer_option import viewer_in, viewer_option
from nodulus.app.commands.workitem_options import sources_and_keeping, workitem_options

if TYPE_CHECKING:
    from nodulus.app.chain.network.precision import PrecisionSetting
    from nodulus.app.result import PointName
    from nodulus.app.serve.accounts import PersonRole
    from nodulus.app.serve.dicom_destination import DicomAddress
    from nodulus.app.serve.sender import Destination

PACKAGES = (
    "fastapi", "uvicorn", "sqlalchemy", "alembic", "psutil", "requests", "python_multipart",
    "prometheus_client", "argon2", "pynetdicom",
)  # fmt: skip
"""Of the extra ``serve``, by import name."""
DEFAULT_PORT = 8713
GIB = 2**30

NOT_SERVED = {
    "failure_note": "the work list says which studies failed and why, and offers them again",
    "deidentify": "the review and what is sent back belong to the study that came",
    "keep_intermediates": "nothing shows them; nodulus detect keeps them",
    "summary": "the review shows what is in it",
}
"""Fields of `OutputOptions` for which the service has no option, and why."""


@click.command("serve")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.option(
    "--database",
    metavar="URL",
    envvar="NODULUS_DATABASE",
    help="SQLAlchemy URL of queue and decisions; default: nodulus.sqlite in DATA.",
)
@click.option(
    "--accounts", "with_accounts", is_flag=True, help="Readers sign in: see nodulus accounts."
)
@oidc_options
@two_readers_option
@click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    metavar="ADDRESS",
    help="To listen on; others than this computer's own need --accounts and TLS.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME[:PORT]",
    help="By which browsers reach it, as it stands in their address; may be repeated.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificate (PEM), with its chain.",
)
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Its key (PEM), if that is another file.",
)
@click.option(
    "--audit-messages",
    type=click.Path(path_type=Path),
    help="Also append audit messages (DICOM PS3.15 A.5), one a line, to this file.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True)
@click.option("--reader", metavar="NAME", help="Who decides; default: the login name.")
@click.option(
    "--organization",
    default="not given",
    help="Of the readers; stands in signed-off reports as who has verified them.",
)
@viewer_option
@click.option(
    "--watch",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Also take what is put into this folder; may be repeated.",
)
@click.option(
    "--quiet",
    "quiet_s",
    type=click.FloatRange(0.1, 3600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Without a new image after which a study is complete.",
)
@click.option("--orthanc", metavar="URL", help="Also take this Orthanc's studies; results go back.")
@click.option("--orthanc-user", envvar="NODULUS_ORTHANC_USER", help="One of its RegisteredUsers.")
@click.option(
    "--stow",
    metavar="URL",
    multiple=True,
    help="Send all results to this DICOMweb server; may be repeated.",
)
@click.option("--stow-user", envvar="NODULUS_STOW_USER", help="Where it asks for one.")
@store_options
@workitem_options
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that analyse.",
)
@time_limit_option
@memory_limit_option
@click.option(
    "--max-upload",
    type=click.FloatRange(0.001, 64),
    default=4.0,
    show_default=True,
    metavar="GIB",
    help="Of one request with images.",
)
@click.option(
    "--keep-images",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Remove a study's images so long after its end or sign-off; default: never.",
)
@click.option(
    "--keep-results",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Likewise its results; decisions and the audit log stay.",
)
@models_option
@model_service_option
@settings_option_with("review.json", "workitems.json")
@operating_point_option
@clinical_option
@candidates_options
@output_options(without=NOT_SERVED)
@device_option
@precision_option
@telemetry_options
@debug_option
def command(
    data: Path,
    database: str | None,
    with_accounts: bool,
    oidc: str | None,
    oidc_client: str | None,
    oidc_name: str,
    oidc_roles: str,
    oidc_role: dict[str, PersonRole],
    two_readers: bool,
    host: str,
    names: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    audit_messages: Path | None,
    port: int,
    reader: str | None,
    organization: str,
    viewer: Path | None,
    watch: tuple[Path, ...],
    quiet_s: float,
    orthanc: str | None,
    orthanc_user: str | None,
    stow: tuple[str, ...],
    stow_user: str | None,
    store: tuple[DicomAddress, ...],
    store_tls: tuple[DicomAddress, ...],
    store_as: str,
    store_ca: Path | None,
    store_cert: Path | None,
    store_key: Path | None,
    ups: bool,
    ups_source: tuple[str, ...],
    ups_source_user: str | None,
    keep_workitems: float | None,
    workers: int,
    time_limit: float,
    memory_limit: float | None,
    max_upload: float,
    keep_images: float | None,
    keep_results: float | None,
    models: Path | None,
    model_service: str | None,
    settings: Path | None,
    operating_point: PointName | None,
    clinical: Path | None,
    device: str,
    precision: PrecisionSetting | None,
    log_json: Path | None,
    traces: bool,
    debug: bool,
    **objects: Any,
) -> None:
    """Take studies, analyse them, and let their findings be reviewed; all of it kept in DATA.

    Studies come as zip files (POST /studies), by DICOMweb (POST /dicom-web/studies), from watched
    folders, from an Orthanc, and with --ups as workitems (POST /dicom-web/workitems). The page is
    at the printed address, and /api/openapi.json describes the interface. SIGTERM or Ctrl-C ends
    it; whatever way it ends, it goes on where it was.

    Passwords come from NODULUS_ORTHANC_PASSWORD, NODULUS_STOW_PASSWORD, NODULUS_OIDC_SECRET and
    NODULUS_UPS_SOURCE_PASSWORD, or from files that the same names with _FILE behind them name.

    Exit status: 0 ended as asked, 1 it cannot work like this, 2 wrong usage.
    """
    require_packages(PACKAGES, "serve")
    import logging

    from nodulus.app.chain import load_models, load_settings
    from nodulus.app.cohort.item_runner import RunnerOptions
    from nodulus.app.cohort.memory import machine_mib, usable_cores
    from nodulus.app.cohort.supervisor import Limits
    from nodulus.app.deploy.node.orthanc import Orthanc
    from nodulus.app.guidelines.clinical import ChangingClinicalFile
    from nodulus.app.review.images import ImageReader
    from nodulus.app.review.reading_rule import reading_rule
    from nodulus.app.review.server.run_server import run_server
    from nodulus.app.review.store import Store
    from nodulus.app.serve.application import create_service_app
    from nodulus.app.serve.audit import AuditLog
    from nodulus.app.serve.desk import ServiceDesk
    from nodulus.app.serve.destinations import StowDestination
    from nodulus.app.serve.retention import Retention
    from nodulus.app.serve.secrets import secret
    from nodulus.app.serve.service import RESULTS, Service, ServiceOptions
    from nodulus.app.serve.workitems.service_worklist import service_worklist

    check_reach(
        host, with_accounts=with_accounts, tls=tls_cert is not None, two_readers=two_readers
    )
    log_to_stderr(logging.DEBUG if debug else logging.INFO)
    viewer_build = viewer_in(viewer)
    own_folder(data)
    chain_settings = load_settings(settings, models, operating_point=operating_point)
    runner = RunnerOptions(
        data / RESULTS,
        models,
        settings,
        operating_point,
        device,
        precision,
        taken(objects),
        threads=max(1, usable_cores() // workers),
        clinical=clinical,
        clinical_may_change=True,
        candidates=taken_for_many(objects, deidentify=False, device=device),
        model_service=model_service,
    )
    if clinical is not None:
        ChangingClinicalFile(clinical)  # rather now than in a worker
    runner.results.check()
    destinations: dict[str, Destination] = {
        **{url: StowDestination(url, stow_user, secret("NODULUS_STOW_PASSWORD")) for url in stow},
        **store_destinations(store, store_tls, store_as, store_ca, store_cert, store_key),
    }
    sources, kept = sources_and_keeping(
        ups_source, ups_source_user, int(max_upload * GIB), keep_workitems, keep_results,
        with_workitems=ups,
    )  # fmt: skip
    options = ServiceOptions(
        data,
        runner,
        workers,
        Limits(time_limit, memory_limit or 0.9 * machine_mib() / workers, attempts=1),
        quiet_s,
        watch=watch,
        orthanc=None
        if orthanc is None
        else Orthanc(
            orthanc,
            orthanc_user,
            secret("NODULUS_ORTHANC_PASSWORD"),
            with_objects=objects["candidates_of_study"],
        ),
        destinations=destinations,
        retention=Retention(keep_images, keep_results),
        rule=reading_rule(settings),
    )
    with ExitStack() as stack:
        watcher = stack.enter_context(watching(log_json, traces=traces))
        options = replace(options, watcher=watcher)
        shared = open_database(data, database)
        stack.callback(shared.close)
        listener = stack.enter_context(listen(port, host))
        log = AuditLog(shared, audit_messages)
        service = Service(options, shared, log)
        desk = ServiceDesk(
            service.results,
            service.queue,
            Store(shared),
            service.intake.folder,
            ImageReader((), 2 * GIB, chain_settings),
            lambda: load_models(models, device, chain_settings.pipeline.precision, model_service),
            chain_settings,
            step_of=service.step,
            two_readers=two_readers,
            rule=options.rule,
        )
        stack.callback(desk.close)
        access = make_access(
            data,
            listener,
            shared,
            host,
            names,
            reader,
            with_accounts=with_accounts,
            tls=bool(tls_cert),
        )
        address = service_address(listener, host, names, tls=bool(tls_cert))
        provider = make_oidc(
            oidc, oidc_client, oidc_name, oidc_roles, oidc_role, address,
            with_accounts=with_accounts,
        )  # fmt: skip
        application = create_service_app(
            service,
            desk,
            access,
            log,
            organization,
            int(max_upload * GIB),
            viewer_build,
            provider,
            service_worklist(service, sources, address, log, kept, settings) if ups else None,
        )
        stack.callback(service.stop)
        run_server(application, listener, begin=service.start, certificate=tls_cert, key=tls_key)
        service.check()
