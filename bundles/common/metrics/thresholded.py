"""Sensitivity and specificity at a threshold, as Ignite handlers on MONAI's confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from ignite.exceptions import NotComputableError
from ignite.metrics import Metric
from ignite.metrics.metric import reinit__is_reduced, sync_all_reduce


class _Rate(Metric):
    """Share of the items of one class that fall on its side of the threshold.

    Args:
        threshold: a probability at or above it is called positive.
        output_transform: takes an engine's output to probabilities and targets.
    """

    positive: bool

    def __init__(
        self, threshold: float, output_transform: Callable[[Any], Any] = lambda output: output
    ) -> None:
        self.threshold = threshold
        super().__init__(output_transform=output_transform)

    @reinit__is_reduced  # type: ignore[untyped-decorator]
    def reset(self) -> None:
        """Forget all items."""
        self._right = 0
        self._count = 0

    @reinit__is_reduced  # type: ignore[untyped-decorator]
    def update(self, output: Sequence[Any]) -> None:
        """Add a batch: probabilities and targets, each with one number an item."""
        probability = torch.stack([torch.as_tensor(p).reshape(()) for p in output[0]])
        target = torch.stack([torch.as_tensor(t).reshape(()) for t in output[1]]) > 0
        called = probability >= self.threshold
        own = target if self.positive else ~target
        self._count += int(own.sum())
        self._right += int((own & (called == target)).sum())

    @sync_all_reduce("_right", "_count")  # type: ignore[untyped-decorator]
    def compute(self) -> float:
        """Return the rate over all processes.

        Raises:
            NotComputableError: no item of the class was seen.
        """
        if self._count == 0:
            raise NotComputableError(f"{type(self).__name__} needs items of its class, got none")
        return self._right / self._count


class Sensitivity(_Rate):
    """Share of the positives that are called positive."""

    positive = True


class Specificity(_Rate):
    """Share of the negatives that are called negative."""

    positive = False
