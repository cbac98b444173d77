"""A process that has the networks loaded and analyses the items that it is sent."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from nodulus.app.cohort.memory import resident_mib
from nodulus.app.cohort.worker import Starts, Worker, work

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read when the libraries are loaded, so they must be set before a process begins."""


class WorkerProcess(Worker):
    """The near end of a worker that is a process of this machine.

    Args:
        options: how items are analysed.
    """

    def __init__(self, options: Starts) -> None:
        context = multiprocessing.get_context("spawn")
        connection, theirs = context.Pipe()
        super().__init__(connection)
        self._process = context.Process(target=serve, args=(options, theirs))
        before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(options.threads)))
        try:
            self._process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
        theirs.close()

    @property
    def name(self) -> str:
        """See `Worker.name`."""
        return str(self._process.pid)

    @property
    def sentinel(self) -> Any:
        """See `Worker.sentinel`."""
        return self._process.sentinel

    @property
    def is_alive(self) -> bool:
        """See `Worker.is_alive`."""
        return self._process.is_alive()

    @property
    def end(self) -> str:
        """See `Worker.end`."""
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"status {code}"

    def held_mib(self) -> float:
        """See `Worker.held_mib`."""
        return resident_mib(self._process.pid or 0)

    def close(self, *, kill: bool) -> None:
        """See `Worker.close`."""
        if kill:
            self._process.kill()
        else:
            with suppress(OSError):  # gone already
                self.connection.send(None)
        self._process.join()
        self.connection.close()


def serve(options: Starts, connection: Connection) -> None:
    """Run items until None comes; in the worker.

    Args:
        options: how items are analysed.
        connection: to the process that started this one.
    """
    from nodulus.app.worker_pool import end_with_parent

    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process decides
    work(options, connection)
