"""A segmentation network that may see patches of any size, as the patch loop takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

from nodulus.transforms.blocks import Box
from nodulus.transforms.patches import pad_end

Scale = Callable[[torch.Tensor], torch.Tensor]
"""From HU to what the network wants, where air, and so padding, is 0."""


class PatchNetwork(Protocol):
    """A network in two stages: one look at a patch, then an answer for each part of it.

    Attributes:
        stride: of the network in all; patches are multiples of it.
        reach: voxels around a part that the second stage sees; None where the first look gives
            the answer for the whole patch.
    """

    stride: int
    reach: int | None

    def encode(self, values: torch.Tensor, scale: Scale, device: torch.device) -> Any:
        """Look at a patch.

        Args:
            values: shape (1, X, Y, Z), any values that ``scale`` takes; padded to the stride.
            scale: from these to what the network wants.
            device: where the network is.
        """
        ...

    def decode(self, features: Any, box: Box) -> torch.Tensor:
        """Logits of a part, float32, shape of the box.

        Args:
            features: from :meth:`encode`.
            box: in voxels of the patch; starts and ends are multiples of the stride.
        """
        ...


class SingleLook:
    """Any network of convolutions: it answers for a whole patch at once.

    Args:
        network: one logit per voxel, shape (B, 1, X, Y, Z).
        stride: of the network in all.
    """

    reach: int | None = None

    def __init__(self, network: nn.Module, stride: int) -> None:
        self.stride = stride
        self._network = network

    def encode(self, values: torch.Tensor, scale: Scale, device: torch.device) -> torch.Tensor:
        """The logits of the patch, shape (X, Y, Z)."""
        sizes = [-(-n // self.stride) * self.stride for n in values.shape[1:]]
        logits: torch.Tensor = self._network(pad_end(scale(values), sizes)[None].to(device))
        return logits[0, 0].float()

    def decode(self, features: torch.Tensor, box: Box) -> torch.Tensor:
        """Those of a part."""
        return features[box]
