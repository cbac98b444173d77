"""SIGTERM and SIGHUP end the process at once, and leave no patient file behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nodulus.app.private_folder import remove_open, uninterrupted

_NAMES = ("SIGTERM", "SIGHUP")
_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
STATUS = 128
"""The exit status is this and the signal's number, as a shell says it."""


@contextmanager
def clean_end() -> Iterator[None]:
    """Remove private folders when a signal ends the process.

    A thread waits for the signal: the main thread may be in a network's layer, or in another
    program's loop, for seconds. A signal that is ignored (nohup) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    before = {
        number: signal.signal(number, _noted)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    wakeup = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    waiting = threading.Thread(target=_wait, args=(receiver, frozenset(before)), daemon=True)
    waiting.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(sender)  # which ends the thread
        waiting.join()
        os.close(receiver)


def _noted(*_: Any) -> None:
    """Nothing: the number is in the pipe already."""


def _wait(receiver: int, numbers: frozenset[int]) -> None:
    while received := os.read(receiver, 1):
        if received[0] in numbers:
            with uninterrupted:
                remove_open()
                os._exit(STATUS + received[0])
