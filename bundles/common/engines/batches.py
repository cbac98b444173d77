"""What handlers and steps take from batches, outputs and states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from ignite.engine import Engine
from monai.handlers import from_engine


def image_and_target(
    batch: dict[str, torch.Tensor], device: torch.device, non_blocking: bool = False, **kwargs: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch of a classifier: ``image`` (B, 1, X, Y, Z) and ``target`` (B, 1), on the device."""
    image, target = batch["image"], batch["target"]
    return (
        image.to(device, non_blocking=non_blocking, **kwargs),
        target.to(device, non_blocking=non_blocking, **kwargs),
    )


def loss_output() -> Callable[[Any], Any]:
    """The loss of the engine's last output."""
    function: Callable[[Any], Any] = from_engine(["loss"], first=True)
    return function


def learning_rate(optimizer: torch.optim.Optimizer) -> Callable[[Any], float]:
    """A function of whatever it is given that returns the optimizer's first learning rate."""
    return lambda _: float(optimizer.param_groups[0]["lr"])


def key_metric(engine: Engine) -> float:
    """The metric by which an evaluator's epochs are compared; higher is better."""
    state: Any = engine.state  # MONAI adds the name
    return float(state.metrics[state.key_metric_name])
