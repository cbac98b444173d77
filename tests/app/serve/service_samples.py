"""A service with the stand-in for the chain, and small studies for it."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from nodulus.app.chain import load_settings
from nodulus.app.cohort.supervisor import Limits
from nodulus.app.cohort.worker import Starts
from nodulus.app.review.database import Database
from nodulus.app.review.images import ImageReader
from nodulus.app.review.store import Store
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.desk import ServiceDesk
from nodulus.app.serve.queue import QueueTimes
from nodulus.app.serve.sender import Destination
from nodulus.app.serve.service import RESULTS, Service, ServiceOptions
from tests.app.reading.dicom_factory import write_series
from tests.app.serve.stand_in_chain import StandInOptions

TOKEN = "t" * 40
TIMES = QueueTimes(lease_s=1.5, first_delay_s=0.05, longest_delay_s=0.2, attempts=6)


def make_service(
    data: Path,
    *,
    seconds: float = 0.0,
    workers: int = 1,
    destinations: Mapping[str, Destination] | None = None,
    url: str | None = None,
    two_readers: bool = False,
    runner: Starts | None = None,
    **more: Any,
) -> tuple[Service, ServiceDesk]:
    """Make a service that is not started."""
    data.mkdir(exist_ok=True)
    database = Database.in_file(data / "nodulus.sqlite") if url is None else Database(url)
    options = ServiceOptions(
        data,
        runner or StandInOptions(data / RESULTS, seconds),
        workers,
        Limits(attempts=1),
        times=TIMES,
        destinations=destinations or {},
        **{"quiet_s": 0.3, "poll_s": 0.1, **more},
    )
    service = Service(options, database, AuditLog(database))
    settings = load_settings()

    def no_models() -> Any:
        raise AssertionError("nobody adds a nodule")

    reader = ImageReader((), 2**30, settings)
    desk = ServiceDesk(
        service.results, service.queue, Store(database), service.intake.folder, reader, no_models,
        settings, step_of=service.step, two_readers=two_readers,
    )  # fmt: skip
    return service, desk


def make_study(folder: Path, name: str, *, slices: int = 2, what: str = "") -> list[Path]:
    """Write a study of a few tiny slices."""
    folder.mkdir(parents=True, exist_ok=True)

    def edit(header: Dataset, _number: int) -> None:
        header.StudyDescription = what

    hu = np.zeros((slices, 8, 8), np.int16)
    write_series(folder, hu, study=name, series="1", edit=edit)
    return sorted(folder.iterdir())


def zipped(files: Sequence[Path]) -> bytes:
    """Pack files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return packed.getvalue()


def multipart(files: Sequence[Path]) -> tuple[dict[str, str], bytes]:
    """Headers and body of a STOW-RS request."""
    parts = b"".join(
        b"--mark\r\nContent-Type: application/dicom\r\n\r\n" + file.read_bytes() + b"\r\n"
        for file in files
    )
    kind = 'multipart/related; type="application/dicom"; boundary=mark'
    return {"Content-Type": kind}, parts + b"--mark--\r\n"


def wait_for(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)
