"""Activations and residual sums that overwrite their input: fewer passes over fresh memory.

For inference alone: backpropagation may need what is overwritten. The numbers are the same.
"""

from __future__ import annotations

import torch
from monai.networks.blocks import Convolution, ResidualUnit
from torch import nn


class InPlacePReLU(nn.Module):
    """A PReLU of one slope, computed in place.

    Args:
        prelu: its slope is used as it is in the weights' type.
    """

    def __init__(self, prelu: nn.PReLU) -> None:
        super().__init__()
        self.weight = prelu.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Overwrite x, any shape."""
        return nn.functional.leaky_relu_(x, float(self.weight))


class InPlaceResidual(nn.Module):
    """MONAI's ResidualUnit, whose sum overwrites what its convolutions gave.

    Args:
        unit: its parts are taken over.
    """

    def __init__(self, unit: ResidualUnit) -> None:
        super().__init__()
        self.conv, self.residual = unit.conv, unit.residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, C, X, Y, Z)."""
        shortcut = self.residual(x)
        result: torch.Tensor = self.conv(x)
        return result.add_(shortcut)


def compute_in_place(network: nn.Module) -> int:
    """Rewrite MONAI's ``Convolution`` blocks and residual units, in place.

    Only where what is overwritten is the fresh result of a convolution.

    Args:
        network: must only be run without gradients afterwards.

    Returns:
        How many activations and sums were rewritten.
    """
    count = 0
    for module in network.modules():
        if not isinstance(module, Convolution):
            continue
        adn = module._modules.get("adn")
        if adn is None:
            continue
        prelu = adn._modules.get("A")
        if isinstance(prelu, nn.PReLU) and prelu.num_parameters == 1:
            adn.A = InPlacePReLU(prelu)
            count += 1
        elif isinstance(prelu, (nn.ReLU, nn.LeakyReLU)):
            prelu.inplace = True
            count += 1
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            # Without a convolution the sum would overwrite the unit's own input.
            if isinstance(child, ResidualUnit) and len(child.conv) > 0:
                setattr(module, name, InPlaceResidual(child))
                count += 1
    return count
