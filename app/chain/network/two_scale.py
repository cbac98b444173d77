"""The first convolution of a two-scale network, without putting its two channels together.

A convolution of two channels is the sum of two of one channel each, which oneDNN computes in place;
and trilinear enlargement is a product with one small matrix for each axis. Both are the same up to
rounding and take a third of the time: nothing is copied.
"""

from __future__ import annotations

import torch
from torch import nn

from nodulus.app.chain.network.onednn_convolutions import OneDnnConv3d, quick_convolution
from nodulus.bundles.common.networks.two_scale_resnet import TwoScaleConv3d


class SplitTwoScaleConv3d(nn.Module):
    """A :class:`TwoScaleConv3d` as a convolution of the cube and one of its enlarged middle.

    Args:
        conv: its weights are copied.
    """

    def __init__(self, conv: TwoScaleConv3d) -> None:
        super().__init__()
        self.cube, self.middle = (_of_channel(conv, channel) for channel in (0, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (B, 1, X, Y, Z), every edge a multiple of 4."""
        a, b, c = (n // 4 for n in x.shape[2:])
        middle = x[:, 0, a : 3 * a, b : 3 * b, c : 3 * c]
        return self.middle.add_to(self.cube(x), enlarged(middle)[:, None])


def enlarged(x: torch.Tensor) -> torch.Tensor:
    """Twice as large by trilinear interpolation, as ``interpolate`` does without aligned corners.

    Args:
        x: shape (B, X, Y, Z).
    """
    batch, *edges = x.shape
    first, second, third = (_matrix(n).to(x) for n in edges)
    x = x @ third.T
    x = second @ x
    whole = first @ x.reshape(batch, edges[0], -1)
    return whole.reshape(batch, *(2 * n for n in edges))


def _matrix(edge: int) -> torch.Tensor:
    """From a line of so many voxels to twice as many, shape (2 edge, edge)."""
    near, far = torch.arange(edge).repeat_interleave(2), torch.arange(edge).repeat_interleave(2)
    far[0::2] -= 1
    far[1::2] += 1
    rows, matrix = torch.arange(2 * edge), torch.zeros(2 * edge, edge)
    matrix[rows, near] = 0.75
    matrix.index_put_((rows, far.clamp(0, edge - 1)), torch.tensor(0.25), accumulate=True)
    return matrix


def _of_channel(conv: TwoScaleConv3d, channel: int) -> OneDnnConv3d:
    weight = nn.Parameter(conv.weight[:, channel : channel + 1].detach().clone())
    adds_bias = channel == 0 and conv.bias is not None
    return quick_convolution(conv, weight, conv.bias if adds_bias else None)


def split_two_scale(network: nn.Module) -> int:
    """Rewrite the two-scale convolutions of a network, in place.

    Args:
        network: must only be run without gradients afterwards.

    Returns:
        How many there are.
    """
    count = 0
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is TwoScaleConv3d:
                setattr(module, name, SplitTwoScaleConv3d(child))
                count += 1
    return count
