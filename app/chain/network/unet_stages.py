"""MONAI's UNet in two stages: the coarse levels once for all, the finest one where it is wanted.

The levels below the first see far and cost little; the last ones, at full and half resolution, see
a few voxels around and cost as much as all others. So one look of the coarse levels serves many
parts, whose borders then agree with one look at the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

import torch
from monai.networks.layers.simplelayers import SkipConnection
from monai.networks.nets.unet import UNet
from torch import nn

from nodulus.app.chain.network.patch_network import Scale
from nodulus.transforms.blocks import Box, relative
from nodulus.transforms.patches import pad_end

REACH = 8
"""Voxels around a part that the fine stage sees: at half resolution one through the transposed
convolution of the second level, one through its residual unit, one and one through the top's."""
_SLAB = 64
"""Voxels of the first axis that the first level takes at once: bounds the memory alone."""


@dataclass(frozen=True, eq=False)
class CoarseFeatures:
    """What the coarse stage hands on; X, Y, Z are those of the volume, padded to the stride.

    Args:
        first: of the first level, shape (1, C, X/2, Y/2, Z/2).
        second: of the second level and all below, shape (1, C, X/4, Y/4, Z/4).
    """

    first: torch.Tensor
    second: torch.Tensor


class UNetStages:
    """A UNet whose two first levels halve the resolution.

    Args:
        network: in evaluation mode, one input channel; its modules are used as they are.
        dtype: in which it computes.

    Attributes:
        stride: of the network in all.
        reach: see :class:`~nodulus.app.chain.network.patch_network.PatchNetwork`.

    Raises:
        ValueError: the network is another one; see :func:`has_stages`.
    """

    reach: int | None = REACH

    def __init__(self, network: UNet, dtype: torch.dtype) -> None:
        if not has_stages(network):
            raise ValueError("only a UNet that halves the resolution twice has these stages")
        self._down, skip, self._top = network.model.children()
        inner = skip.get_submodule("submodule")
        self._second, self._deeper, self._up = inner.children()
        self.stride = math.prod(network.strides)
        self._dtype = dtype
        # Half a voxel of the first level sees its unit's convolutions' halves around.
        self._halo = 2 * max(1, network.num_res_units)

    def encode(self, values: torch.Tensor, scale: Scale, device: torch.device) -> CoarseFeatures:
        """Compute all levels but the finest.

        Args:
            values: shape (1, X, Y, Z), any values that ``scale`` takes.
            scale: from these to what the network wants, where padding is 0; called slab by slab.
            device: where the network is.
        """
        sizes = [-(-n // self.stride) * self.stride for n in values.shape[1:]]
        first: torch.Tensor | None = None
        for start in range(0, sizes[0], _SLAB):
            stop = min(sizes[0], start + _SLAB)
            low, high = max(0, start - self._halo), min(sizes[0], stop + self._halo)
            slab = scale(values[:, low:high]).to(device, self._dtype)
            seen = self._down(pad_end(slab, (high - low, *sizes[1:]))[None])
            if first is None:
                first = torch.empty(
                    (1, seen.shape[1], *(n // 2 for n in sizes)),
                    dtype=self._dtype,
                    device=device,
                    memory_format=torch.channels_last_3d,
                )
            first[:, :, start // 2 : stop // 2] = seen[:, :, (start - low) // 2 : (stop - low) // 2]
        assert first is not None
        return CoarseFeatures(first, self._deeper(self._second(first)))

    def decode(self, features: CoarseFeatures, box: Box) -> torch.Tensor:
        """Logits of a part, as one look at the whole volume gives them.

        Args:
            features: from :meth:`encode`.
            box: in voxels of the volume; starts and ends are multiples of 4.

        Returns:
            float32, shape of the box.
        """
        x, y, z = (
            slice(max(0, s.start - REACH), min(2 * n, s.stop + REACH))
            for s, n in zip(box, features.first.shape[2:], strict=True)
        )
        outer = x, y, z
        first, second = _part(features.first, outer, 2), _part(features.second, outer, 4)
        logits: torch.Tensor = self._top(torch.cat([first, self._up(second)], dim=1))[0, 0]
        return logits[relative(box, outer)].float()


def has_stages(network: nn.Module) -> TypeGuard[UNet]:
    """Whether a network is one that :class:`UNetStages` takes."""
    if not isinstance(network, UNet) or network.dimensions != 3 or len(network.strides) < 2:
        return False
    parts = list(network.model.children())
    if len(parts) != 3 or not isinstance(parts[1], SkipConnection):
        return False
    inner = parts[1].submodule
    return (
        tuple(network.strides[:2]) == (2, 2)
        and (network.kernel_size, network.up_kernel_size) == (3, 3)
        and isinstance(inner, nn.Sequential)
        and len(inner) == 3
    )


def _part(features: torch.Tensor, box: Box, by: int) -> torch.Tensor:
    """A box of the volume, cut from features at a coarser resolution."""
    x, y, z = (slice(s.start // by, s.stop // by) for s in box)
    return features[:, :, x, y, z]
