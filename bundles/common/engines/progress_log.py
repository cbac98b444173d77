"""Progress in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

logger = logging.getLogger(__name__)


class ProgressLog:
    """A log line every so many iterations, with the loss where there is one.

    Args:
        every: iterations between lines.
        name: what the lines call the engine.
    """

    def __init__(self, every: int, name: str) -> None:
        self.every = every
        self.name = name

    def attach(self, engine: Engine) -> None:
        """Act on the engine's iterations."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_STARTED, self.restart)

    def restart(self, engine: Engine) -> None:
        """Start the clock of an epoch, so that a validation between two does not count."""
        self.start, self.first = time.monotonic(), engine.state.iteration

    def __call__(self, engine: Engine) -> None:
        """Write the line."""
        done = engine.state.iteration
        if done % self.every:
            return
        epochs, length = engine.state.max_epochs, engine.state.epoch_length
        assert epochs is not None, "a running engine has an end"
        assert length is not None, "a running engine has an end"
        total = epochs * length
        speed = (done - self.first) / max(1e-9, time.monotonic() - self.start)
        loss = _loss(engine.state.output)
        tail = "" if loss is None else f", loss {loss:.4f}"
        logger.info("%s: %d/%d, %.2f a second%s", self.name, done, total, speed, tail)


def _loss(output: Any) -> float | None:
    first = output[0] if isinstance(output, Sequence) else output
    return float(first["loss"]) if isinstance(first, dict) and "loss" in first else None


def on_terminal() -> bool:
    """Whether somebody may be watching: standard error is a terminal, and this is rank 0."""
    return sys.stderr.isatty() and idist.get_rank() == 0
