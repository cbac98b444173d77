"""Reads in a process of its own while this one imports what computes."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import fields, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from nodulus.app.progress import Progress
from nodulus.app.reading.archive import Archives
from nodulus.app.reading.discovery import Discovery, StudyInput, find_studies
from nodulus.app.volume import CtVolume


class Prefetcher:
    """What the reading process gives: the studies, and the volume of the first readable one.

    Whatever goes wrong there is left to this process to read again: it either succeeds or says
    what is wrong.

    Args:
        source: the input path.
        archives: unpacks zip files; an input that has some is left to this process.
        progress: called with (files done, files in all), in a thread.
    """

    def __init__(self, source: Path, archives: Archives, progress: Progress | None = None) -> None:
        self._source = source
        self._archives = archives
        self._progress = progress
        self._discovery: Future[Discovery | None] = Future()
        self._volume: Future[CtVolume | None] = Future()
        # Not a fork: threads and libraries of this process must not end up half-way in another.
        context = multiprocessing.get_context("spawn")
        self._end, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=serve, args=(source, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def studies(self) -> Discovery:
        """As :func:`find_studies`; the first readable study gives the volume that was read ahead.

        Raises:
            NodulusError: as :func:`find_studies`.
        """
        found = self._discovery.result()
        if found is None:
            return find_studies(self._source, self._progress, self._archives)
        first = first_readable(found)
        return replace(
            found,
            studies=tuple(
                replace(study, ahead=self._take) if study is first else study
                for study in found.studies
            ),
        )

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.terminate()
        self._process.join()
        self._thread.join()
        self._end.close()

    def _take(self) -> CtVolume | None:
        """The volume, once: nothing here holds it afterwards."""
        volume, self._volume = self._volume.result(), Future()
        self._volume.set_result(None)
        return volume

    def _receive(self) -> None:
        """Take what comes, so that the other process never waits."""
        discovery, volume = self._discovery, self._volume
        try:
            message = self._end.recv()
            while isinstance(message, tuple):
                if self._progress is not None:
                    self._progress(*message)
                message = self._end.recv()
            discovery.set_result(message)
            volume.set_result(_receive_volume(self._end))
        except Exception:  # the process ended, or sent what cannot be unpickled
            for future in (discovery, volume):
                if not future.done():
                    future.set_result(None)


@contextmanager
def prefetching(
    source: Path, archives: Archives, progress: Progress | None = None
) -> Iterator[Prefetcher]:
    """Start to read; at the end no process is left."""
    ahead = Prefetcher(source, archives, progress)
    try:
        yield ahead
    finally:
        ahead.close()


def first_readable(found: Discovery) -> StudyInput | None:
    """The study whose volume is read ahead."""
    return next((study for study in found.studies if study.chosen is not None), None)


def serve(source: Path, end: Connection) -> None:
    """The reading process: send progress, the studies, and the first readable volume.

    An error ends it, and with it the connection.

    Args:
        source: the input path.
        end: closed by the other process when it wants no more.
    """
    # The other process, which gets the same signal, ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found = find_studies(source, lambda done, total: end.send((done, total)), _NoArchives())
        end.send(replace(found, studies=tuple(replace(s, archives=None) for s in found.studies)))
        study = first_readable(found)
        if study is not None:
            _send_volume(end, study.load())
    except Exception:  # noqa: S110 - what is wrong is found again, and said, by the other process
        pass
    finally:
        end.close()


class _NoArchives(Archives):
    """What is unpacked must stay until results are written, which is not for this process."""

    def unpack(self, archive: Path) -> list[Path]:
        raise RuntimeError(f"{archive} is left to the other process")


def _send_volume(end: Connection, volume: CtVolume) -> None:
    """All but the voxels, then a slice at a time: neither side needs a second copy."""
    rest = {f.name: getattr(volume, f.name) for f in fields(volume) if f.name != "hu"}
    end.send((rest, volume.hu.dtype.str))
    for plane in volume.hu:
        end.send_bytes(np.ascontiguousarray(plane).data)


def _receive_volume(end: Connection) -> CtVolume:
    rest: dict[str, Any]
    rest, dtype = end.recv()
    hu = np.empty(rest["geometry"].shape_irc, np.dtype(dtype))
    for plane in hu:
        end.recv_bytes_into(plane.data.cast("B"))
    return CtVolume(hu=hu, **rest)
