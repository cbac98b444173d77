"""Convolutions with one output channel, computed for the eight voxels of a 2x2x2 block at once.

One channel uses a small part of a CPU's vector units, eight use them all (sub-pixel convolution:
Shi et al., CVPR 2016). The sums are the same up to rounding.
"""

from __future__ import annotations

from itertools import product

import torch
from monai.networks.blocks import Convolution
from torch import nn

_PHASES = list(product((0, 1), repeat=3))


class BlockwiseConv(nn.Module):
    """A 3x3x3 convolution of one channel into one, on maps with even edges.

    Args:
        conv: stride 1, padding 1, one channel in and out.
    """

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        self.conv = nn.Conv3d(8, 8, 3, padding=1, bias=conv.bias is not None)
        weight = torch.zeros_like(self.conv.weight)
        for (out, a), tap in product(enumerate(_PHASES), product(range(3), repeat=3)):
            # The voxel at phase a + tap - 1 lies in the block `step` away, at phase `into`.
            place = [p + t - 1 for p, t in zip(a, tap, strict=True)]
            step, into = [p // 2 for p in place], [p % 2 for p in place]
            x, y, z = (s + 1 for s in step)
            weight[out, _PHASES.index((into[0], into[1], into[2])), x, y, z] += conv.weight[
                0, 0, tap[0], tap[1], tap[2]
            ]
        _set(self.conv, weight, conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (B, 1, X, Y, Z) with even X, Y and Z."""
        return to_voxels(self.conv(to_blocks(x)))


class BlockwiseUpsampling(nn.Module):
    """A 3x3x3 transposed convolution into one channel that doubles each edge.

    Args:
        conv: stride 2, padding 1, output padding 1, one channel out.
    """

    def __init__(self, conv: nn.ConvTranspose3d) -> None:
        super().__init__()
        self.conv = nn.Conv3d(conv.in_channels, 8, 2, padding=1, bias=conv.bias is not None)
        weight = torch.zeros_like(self.conv.weight)
        for (out, a), tap in product(enumerate(_PHASES), product((0, 1), repeat=3)):
            # Even voxels see one voxel of the input, through the kernel's middle; odd ones see
            # that one through its end and the next one through its beginning.
            if all(p == 1 or t == 0 for p, t in zip(a, tap, strict=True)):
                k = [1 if p == 0 else 2 - 2 * t for p, t in zip(a, tap, strict=True)]
                weight[out, :, tap[0], tap[1], tap[2]] = conv.weight[:, 0, k[0], k[1], k[2]]
        _set(self.conv, weight, conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (B, C, X, Y, Z) to (B, 1, 2X, 2Y, 2Z)."""
        return to_voxels(self.conv(x)[..., 1:, 1:, 1:])


def _set(conv: nn.Conv3d, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
    conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach().expand(8).clone(), requires_grad=False)


def to_blocks(x: torch.Tensor) -> torch.Tensor:
    """Shape (B, 1, 2X, 2Y, 2Z) to (B, 8, X, Y, Z), a channel for each place in a block."""
    b, _, x2, y2, z2 = x.shape
    split = x.reshape(b, x2 // 2, 2, y2 // 2, 2, z2 // 2, 2)
    return split.permute(0, 2, 4, 6, 1, 3, 5).reshape(b, 8, x2 // 2, y2 // 2, z2 // 2)


def to_voxels(x: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`to_blocks`."""
    b, _, nx, ny, nz = x.shape
    split = x.reshape(b, 2, 2, 2, nx, ny, nz).permute(0, 4, 1, 5, 2, 6, 3)
    return split.reshape(b, 1, 2 * nx, 2 * ny, 2 * nz)


def compute_blockwise(network: nn.Module) -> int:
    """Rewrite what can be among MONAI's ``Convolution`` blocks, in place.

    Args:
        network: must be run on even edges afterwards.

    Returns:
        How many convolutions were rewritten.
    """
    count = 0
    for module in network.modules():
        if not isinstance(module, Convolution):
            continue
        conv = module.conv
        if not isinstance(conv, (nn.Conv3d, nn.ConvTranspose3d)) or not _is_plain(conv):
            continue
        if isinstance(conv, nn.Conv3d):
            if (conv.in_channels, conv.out_channels, conv.stride) != (1, 1, (1, 1, 1)):
                continue
            module.conv = BlockwiseConv(conv)
        else:
            if (conv.out_channels, conv.stride, conv.output_padding) != (1, (2, 2, 2), (1, 1, 1)):
                continue
            module.conv = BlockwiseUpsampling(conv)
        count += 1
    return count


def _is_plain(conv: nn.Conv3d | nn.ConvTranspose3d) -> bool:
    return (
        conv.kernel_size == (3, 3, 3)
        and conv.padding == (1, 1, 1)
        and conv.dilation == (1, 1, 1)
        and conv.groups == 1
        and conv.padding_mode == "zeros"
    )
