"""Losses that leave out what nobody has labelled."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nodulus.transforms.ignore_label import IGNORE_LABEL

_CERTAINLY_NOT = -30.0


class IgnoreLabelLoss(torch.nn.Module):
    """Wrap a loss on logits so that voxels of one label have no influence.

    The label map becomes binary (any nodule or none). Ignored voxels count as certain and right
    background, so the wrapped loss sees next to nothing of them, and no gradient reaches them.

    Args:
        loss: takes logits and a binary target of shape (B, 1, X, Y, Z) and applies the sigmoid.
        ignore_label: the label to leave out.
    """

    def __init__(self, loss: torch.nn.Module, ignore_label: int = IGNORE_LABEL) -> None:
        super().__init__()
        self.loss = loss
        self.ignore_label = ignore_label

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return the wrapped loss; ``label`` has the shape of ``logits``, values 0 to 255."""
        if logits.shape != label.shape:
            raise ValueError(f"logits {tuple(logits.shape)} and label {tuple(label.shape)} differ")
        ignored = label == self.ignore_label
        target = ((label > 0) & ~ignored).to(logits.dtype)
        result: torch.Tensor = self.loss(logits.masked_fill(ignored, _CERTAINLY_NOT), target)
        return result


class SizeBalancedLoss(torch.nn.Module):
    """Soft Dice plus cross entropy in which a small nodule counts as much as a large one.

    A voxel of a nodule with ``n`` voxels in the patch weighs ``positive_weight`` times
    ``sqrt(reference_voxels / n)``, at most five times and at least a third of that; else a nodule
    of 4 mm, 35 voxels of 1 mm, would drown beside one of 20 mm with 4,000. Ignored voxels weigh
    nothing.

    Args:
        dice: takes logits and a binary target (B, 1, X, Y, Z) and applies the sigmoid.
        positive_weight: of a nodule voxel against a background voxel.
        lambda_ce: of the cross entropy against Dice.
        reference_voxels: size of a nodule whose voxels weigh just ``positive_weight``.
    """

    def __init__(
        self,
        dice: torch.nn.Module,
        positive_weight: float,
        lambda_ce: float,
        reference_voxels: float = 250.0,
    ) -> None:
        super().__init__()
        self.dice = IgnoreLabelLoss(dice)
        self.positive_weight = positive_weight
        self.lambda_ce = lambda_ce
        self.reference_voxels = reference_voxels

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return the loss; ``label`` holds a number a nodule, 0 and 255, in the logits' shape."""
        dice: torch.Tensor = self.dice(logits, label)
        target = ((label > 0) & (label != IGNORE_LABEL)).to(logits.dtype)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, target, weight=self.weights(label).to(logits.dtype)
        )
        return dice + self.lambda_ce * entropy

    def weights(self, label: torch.Tensor) -> torch.Tensor:
        """The weight of each voxel, in the label's shape."""
        numbers = label.long().flatten(1)
        tables = []
        for sample in numbers:
            count = torch.bincount(sample, minlength=IGNORE_LABEL + 1).clamp(min=1)
            table = (self.reference_voxels / count).sqrt().clamp(1 / 3, 5.0) * self.positive_weight
            table[0], table[IGNORE_LABEL] = 1.0, 0.0
            tables.append(table)
        return torch.gather(torch.stack(tables), 1, numbers).reshape(label.shape)


class RatingsLoss(torch.nn.Module):
    """Cross entropy of several heads with soft targets, unknown ones left out.

    Args:
        weights: of each head.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32))

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean over the batch of the weighted sum; both (B, heads), targets 0 to 1 or NaN."""
        if logits.shape != target.shape:
            raise ValueError(
                f"logits {tuple(logits.shape)} and target {tuple(target.shape)} differ"
            )
        known = ~torch.isnan(target)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.nan_to_num(target), reduction="none"
        )
        weights: torch.Tensor = self.get_buffer("weights")
        return (loss * known * weights.to(loss)).sum(dim=1).mean()
