"""Workers on the machines of a Ray cluster (https://docs.ray.io)."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import queue
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from nodulus.app.cohort.memory import MIB, resident_mib
from nodulus.app.cohort.packages import ray
from nodulus.app.cohort.worker import Starts, Worker, work
from nodulus.app.cohort.worker_process import THREAD_VARIABLES
from nodulus.app.errors import ErrorCode, NodulusError

HERE = "local"
"""Address for a cluster of this machine alone, which ends with the run."""

_NUMBERS = itertools.count(1)
_POLL_S = 0.5
_END_S = 30.0
_KNOCK_S = 10.0


class FarWorker:
    """Runs items in an actor; its methods are called by `RayWorker` alone.

    `run` takes one of the actor's threads until the end; the messages pass through two queues.

    Args:
        options: how items are analysed.
    """

    def __init__(self, options: Starts) -> None:
        self._options = options
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[tuple[Any, threading.Event]] = queue.SimpleQueue()
        self._given: threading.Event | None = None

    def run(self) -> None:
        """Run items until None comes; an unforeseen error ends the process, as elsewhere."""
        try:
            work(self._options, self)
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    def send(self, message: Any) -> None:
        """Send a message, and wait until it has arrived: nothing is lost with this process."""
        arrived = threading.Event()
        self._outbox.put((message, arrived))
        arrived.wait()

    def recv(self) -> Any:
        """See `nodulus.app.cohort.worker.Channel`."""
        return self._inbox.get()

    def give(self, message: Any) -> None:
        """Take what `recv` gives."""
        self._inbox.put(message)

    def message(self) -> tuple[Any, float]:
        """Give what was sent next, and the memory held in MiB; None after half a second without.

        That it is called again says that what it gave before has arrived.
        """
        if self._given is not None:
            self._given.set()
        try:
            message, self._given = self._outbox.get(timeout=_POLL_S)
        except queue.Empty:
            message, self._given = None, None
        return message, resident_mib(os.getpid())


class RayWorker(Worker):
    """The near end of a worker that is an actor of a Ray cluster.

    Two threads pass messages between the actor and a pipe, so that it is waited for like a process
    of this machine. Its results must go to a folder that all machines share.

    Args:
        options: how items are analysed.
        gpus: that it has for itself.
    """

    def __init__(self, options: Starts, gpus: float = 0) -> None:
        connection, self._far = multiprocessing.Pipe()
        super().__init__(connection)
        self.gpus = gpus
        self._name = f"ray-{next(_NUMBERS)}"
        self._alive, self._life = multiprocessing.Pipe(duplex=False)
        self._held_mib = 0.0
        variables = dict.fromkeys(THREAD_VARIABLES, str(options.threads))
        actor = ray().remote(FarWorker)
        self._actor = actor.options(
            num_cpus=options.threads,
            num_gpus=gpus,
            max_restarts=0,
            max_concurrency=3,
            runtime_env={"env_vars": variables},
        ).remote(options)
        self._running = self._actor.run.remote()
        for target in (self._receive, self._send):
            threading.Thread(target=target, daemon=True).start()

    @property
    def name(self) -> str:
        """See `Worker.name`."""
        return self._name

    @property
    def sentinel(self) -> Connection:
        """See `Worker.sentinel`."""
        return self._alive

    @property
    def is_alive(self) -> bool:
        """See `Worker.is_alive`."""
        return not self._life.closed

    @property
    def end(self) -> str:
        """See `Worker.end`."""
        return "no exit status that Ray would tell"

    def held_mib(self) -> float:
        """See `Worker.held_mib`."""
        return self._held_mib

    def close(self, *, kill: bool) -> None:
        """See `Worker.close`."""
        library = ray()
        if not kill:
            with suppress(OSError, library.exceptions.RayError):  # gone already
                self.connection.send(None)
                library.get(self._running, timeout=_END_S)
        library.kill(self._actor)
        self.connection.close()

    def _receive(self) -> None:
        """Pass on what the actor says, until it has ended."""
        library = ray()
        with suppress(library.exceptions.RayActorError, OSError):  # it or the near end is gone
            while True:
                message, held_mib = library.get(self._actor.message.remote())
                if message is not None:
                    self._far.send(message)
                self._held_mib = held_mib  # after what the worker said before it held as much
        self._life.close()

    def _send(self) -> None:
        """Pass on what the actor is told, until the near end is closed."""
        with suppress(EOFError, OSError):
            while True:
                self._actor.give.remote(self._far.recv())


class RayCluster:
    """Starts workers on a cluster: one on each GPU, the others on cores alone.

    Args:
        gpus: of the cluster.
    """

    def __init__(self, gpus: int) -> None:
        self._gpus = gpus
        self._workers: list[RayWorker] = []

    def worker(self, options: Starts) -> RayWorker:
        """Start a worker; it waits where the cluster has nothing free.

        Args:
            options: how items are analysed.
        """
        self._workers = [worker for worker in self._workers if worker.is_alive]
        taken = sum(worker.gpus > 0 for worker in self._workers)
        self._workers.append(RayWorker(options, 1 if taken < self._gpus else 0))
        return self._workers[-1]


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be a driver of a cluster.

    Args:
        address: ``auto``, the address of a cluster's head, or ``local`` for a cluster of this
            machine alone.

    Raises:
        NodulusError: ``package-missing``, ``source-not-reachable``.
    """
    library = ray()
    try:
        _knock(address)
        if address == HERE:  # else workers would come after all that runs on the machine
            os.environ.setdefault("RAY_worker_niceness", "0")
        library.init(
            address=None if address == HERE else address,
            include_dashboard=False if address == HERE else None,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise NodulusError(
            ErrorCode.SOURCE_NOT_REACHABLE,
            f"No Ray cluster answers at {address} ({type(error).__name__}).",
            remedy="Start one with `ray start --head` and give its address, or --ray local.",
        ) from error
    try:
        yield
    finally:
        library.shutdown()


def _knock(address: str) -> None:
    """See that something listens at an address; Ray itself would try for minutes.

    Raises:
        OSError: nothing does.
        ValueError: it has no port.
    """
    if address in {HERE, "auto"}:
        return
    host, _, port = address.rpartition("://")[2].rpartition(":")
    socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


def cluster_size() -> tuple[int, int, float]:
    """Cores, GPUs and memory (MiB) of the cluster that is connected."""
    found = ray().cluster_resources()
    return int(found.get("CPU", 0)), int(found.get("GPU", 0)), found.get("memory", 0.0) / MIB
