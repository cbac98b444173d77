"""Gradients that stay within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

if TYPE_CHECKING:
    from monai.engines.trainer import SupervisedTrainer


class GradientClipper:
    """Scale the gradients down to a norm before each step of the optimizer (Pascanu et al. 2013).

    Gradients that are being accumulated are clipped once, when all are there; scaled ones (see
    ``torch.amp.GradScaler``) are brought back to their size first.

    Args:
        network: whose gradients.
        max_norm: largest Euclidean norm of all of them together.
    """

    def __init__(self, network: torch.nn.Module, max_norm: float) -> None:
        self.network = network
        self.max_norm = max_norm

    def attach(self, engine: Engine) -> None:
        """Act on the engine's backward passes."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: SupervisedTrainer) -> None:
        """Clip, if the optimizer's step follows."""
        if not steps_now(engine):
            return
        scaler = getattr(engine, "scaler", None)
        if scaler is not None:
            scaler.unscale_(engine.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.max_norm)


def steps_now(trainer: Any) -> bool:
    """Whether the optimizer steps in this iteration, as MONAI's ``SupervisedTrainer`` has it."""
    every = getattr(trainer, "accumulation_steps", 1)
    length = trainer.state.epoch_length
    place = (trainer.state.iteration - 1) % length + 1
    return bool(place % every == 0 or place == length)
