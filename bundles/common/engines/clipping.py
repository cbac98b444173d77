"""Gradients that stay within bounds."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

if TYPE_CHECKING:
    from monai.engines.trainer import SupervisedTrainer

logger = logging.getLogger(__name__)

_PATIENCE = 20
"""Steps without finite gradients in a row, after which the training has diverged."""


class GradientClipper:
    """Scale the gradients down to a norm before each step of the optimizer (Pascanu et al. 2013).

    Gradients that are being accumulated are clipped once, when all are there; scaled ones (see
    ``torch.amp.GradScaler``) are brought back to their size first. A step whose gradients are not
    finite would make all weights NaN: it is left out, and said.

    Args:
        network: whose gradients.
        max_norm: largest Euclidean norm of all of them together.
    """

    def __init__(self, network: torch.nn.Module, max_norm: float) -> None:
        self.network = network
        self.max_norm = max_norm
        self.left_out = 0
        self.in_a_row = 0

    def attach(self, engine: Engine) -> None:
        """Act on the engine's backward passes."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: SupervisedTrainer) -> None:
        """Clip, if the optimizer's step follows.

        Raises:
            FloatingPointError: the gradients were not finite too many times in a row.
        """
        if not steps_now(engine):
            return
        scaler = getattr(engine, "scaler", None)
        if scaler is not None:
            scaler.unscale_(engine.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.max_norm)
        if scaler is not None or bool(norm.isfinite()):  # a scaler leaves such steps out itself
            self.in_a_row = 0
            return
        for parameter in self.network.parameters():
            parameter.grad = None
        self.left_out += 1
        self.in_a_row += 1
        logger.warning(
            "step %d is left out: its gradients are not finite (%d so far)",
            engine.state.iteration,
            self.left_out,
        )
        if self.in_a_row >= _PATIENCE:
            raise FloatingPointError(
                f"the gradients of {_PATIENCE} steps in a row are not finite: the training has "
                "diverged. Resume it with a lower learning_rate, or with --amp off."
            )


def steps_now(trainer: Any) -> bool:
    """Whether the optimizer steps in this iteration, as MONAI's ``SupervisedTrainer`` has it."""
    every = getattr(trainer, "accumulation_steps", 1)
    length = trainer.state.epoch_length
    place = (trainer.state.iteration - 1) % length + 1
    return bool(place % every == 0 or place == length)
