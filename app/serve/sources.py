"""Sources that are looked at again and again: a watched folder, an Orthanc."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import requests
import sqlalchemy as sa

from nodulus.app.deploy.node.orthanc import Orthanc
from nodulus.app.errors import NodulusError
from nodulus.app.reading.files import list_files
from nodulus.app.review.database import Database
from nodulus.app.serve.intake import Intake, read_identity
from nodulus.app.serve.tables import source_positions

logger = logging.getLogger("nodulus")


class Positions:
    """How far each source has been read.

    Args:
        database: that keeps it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str | None:
        """What was kept under a name."""
        with self._database.read() as connection:
            found = connection.scalar(
                sa.select(source_positions.c.value).where(source_positions.c.name == name)
            )
        return None if found is None else str(found)

    def put(self, name: str, value: str) -> None:
        """Keep something under a name."""
        with self._database.write() as connection:
            connection.execute(sa.delete(source_positions).where(source_positions.c.name == name))
            connection.execute(sa.insert(source_positions).values(name=name, value=value))


class WatchedFolder:
    """Takes what is put into a folder, once nothing changes in it any more.

    Each file or folder directly in it is taken by itself, and stays where it is.

    Args:
        folder: that is watched.
        intake: takes what is in it.
        positions: which entries have been taken.
        quiet_s: how long nothing must have changed.
        clock: seconds, of any origin.
    """

    def __init__(
        self,
        folder: Path,
        intake: Intake,
        positions: Positions,
        quiet_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._intake = intake
        self._positions = positions
        self._quiet_s = quiet_s
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}

    def look(self) -> None:
        """Look once."""
        try:
            entries = sorted(e for e in self._folder.iterdir() if not e.name.startswith("."))
        except OSError as error:
            logger.warning("the watched folder cannot be read (%s)", error.strerror)
            return
        for entry in entries:
            self._look_at(entry)

    def _look_at(self, entry: Path) -> None:
        name = hashlib.sha256(str(entry.absolute()).encode(errors="surrogateescape")).hexdigest()
        stamp = _stamp(entry)
        if stamp is None or self._positions.get(name) == stamp:
            return
        before, since = self._seen.get(name, ("", 0.0))
        if before != stamp:
            self._seen[name] = stamp, self._clock()
            since = self._clock()
        if self._clock() - since < self._quiet_s:
            return
        try:
            studies = self._intake.take_path(entry, "folder")
            logger.info("watched folder: studies taken: %d", len(studies))
        except NodulusError as error:  # the entry's name may be a patient's
            logger.error("watched folder: an entry was not taken: %s", error.code.value)
        self._positions.put(name, stamp)
        self._seen.pop(name, None)


def _stamp(entry: Path) -> str | None:
    """Changes with the files of an entry; None where there is none yet."""
    digest, count = hashlib.sha256(), 0
    try:
        for file in list_files(entry).files:
            status = file.stat()
            text = f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0"
            digest.update(text.encode(errors="surrogateescape"))
            count += 1
    except (OSError, NodulusError):
        return None
    return digest.hexdigest() if count else None


class OrthancSource:
    """Takes the CT studies that an Orthanc has received, as `nodulus node` does.

    Args:
        orthanc: which.
        intake: takes them.
        positions: the last change that was looked at.
    """

    def __init__(self, orthanc: Orthanc, intake: Intake, positions: Positions) -> None:
        self._orthanc = orthanc
        self._intake = intake
        self._positions = positions
        self._name = f"orthanc {orthanc.url}"

    def look(self) -> None:
        """Look once; each study is in the queue before the change counts as seen."""
        try:
            last = int(self._positions.get(self._name) or 0)
            if self._orthanc.newest_change() < last:
                last = 0  # its database begins anew
            is_last = False
            while not is_last:
                studies, newest, is_last = self._orthanc.stable_studies(last)
                for study in studies:
                    self._take(study)
                if newest > last:
                    self._positions.put(self._name, str(newest))
                    last = newest
        except requests.RequestException as error:
            logger.warning("Orthanc: %s; looking again later", type(error).__name__)

    def _take(self, name: str) -> None:
        study = self._orthanc.ct_study(name)
        if study is None or not study.instances:
            return
        with self._intake.staging() as own:
            uids = set()
            for instance in study.instances:
                staged = own / "instance"
                self._orthanc.download(instance, staged)
                identity = read_identity(staged)
                if identity is not None:
                    self._intake.take_instance(staged, identity)
                    uids.add(identity.study_uid)
                staged.unlink()
            for uid in uids:
                self._intake.received(uid, "orthanc", complete=True, origin=name)


def watch(look: Callable[[], None], every_s: float, stop: threading.Event) -> None:
    """Look again and again until ``stop`` is set.

    Args:
        look: at a source.
        every_s: seconds between two looks.
        stop: ends it.
    """
    while not stop.is_set():
        try:
            look()
        except NodulusError as error:
            logger.warning("%s", error.code.value)
        stop.wait(every_s)
