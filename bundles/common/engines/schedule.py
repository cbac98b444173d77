"""How the learning rate goes over a run."""

from __future__ import annotations

from enum import Enum

from monai.optimizers import WarmupCosineSchedule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

START = 0.01
"""Learning rate of the first step as a share of the largest."""


class Schedule(str, Enum):
    """The shapes."""

    COSINE = "cosine"
    ONE_CYCLE = "one_cycle"


def learning_rate_schedule(
    optimizer: Optimizer, name: Schedule | str, steps: int, warmup: float
) -> LRScheduler:
    """A schedule that is stepped after every iteration and ends at next to nothing.

    Args:
        optimizer: its groups' learning rates are the largest.
        name: ``cosine``: linear up, half a cosine down (Loshchilov and Hutter, ICLR 2017);
            ``one_cycle``: half a cosine up and one down, with the momentum (Adam's first beta)
            going the other way (Smith and Topin 2018).
        steps: iterations of the whole run.
        warmup: share of them, or for ``one_cycle`` at least 0.3, in which the rate goes up.
    """
    if Schedule(name) is Schedule.ONE_CYCLE:
        largest = [group["lr"] for group in optimizer.param_groups]
        rise = max(warmup, 0.3)
        return OneCycleLR(
            optimizer, largest, total_steps=steps, pct_start=rise, div_factor=1 / START
        )
    scheduler: LRScheduler = WarmupCosineSchedule(
        optimizer, max(1, round(steps * warmup)), steps, warmup_multiplier=START
    )
    return scheduler
