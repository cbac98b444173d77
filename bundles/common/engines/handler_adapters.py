"""Handlers of Ignite in a config's list of handlers, which MONAI attaches without arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ignite.engine import Engine


class AttachedHandler:
    """An Ignite handler whose ``attach`` takes more than the engine.

    Args:
        handler: such as Ignite's ``ProgressBar``, ``EMAHandler`` or ``WandBLogger``.
        method: of the handler, called with the engine and the options.
        options: of the method.
    """

    def __init__(self, handler: Any, method: str = "attach", **options: Any) -> None:
        self.handler = handler
        self.method = method
        self.options = options

    def attach(self, engine: Engine) -> None:
        """Attach the handler to the engine."""
        getattr(self.handler, self.method)(engine, **self.options)


class HandlerAt:
    """A function of the engine, or a handler without ``attach``, that is called at an event.

    Args:
        event: of Ignite's or MONAI's.
        call: what to call with the engine.
    """

    def __init__(self, event: Any, call: Callable[[Engine], Any]) -> None:
        self.event = event
        self.call = call

    def attach(self, engine: Engine) -> None:
        """Act on the engine's event."""
        engine.add_event_handler(self.event, self.call)
