"""Folds batch normalisations into the convolutions before them: the same network, fewer steps.

With fixed statistics a batch normalisation is an affine map of each channel, and so is part of
the convolution (Jacob et al., CVPR 2018, section 3.2). The results differ by rounding alone.
"""

from __future__ import annotations

from monai.networks.blocks import Convolution
from monai.networks.nets.resnet import ResNet, ResNetBlock, ResNetBottleneck
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(network: nn.Module) -> int:
    """Fold in place.

    Args:
        network: in evaluation mode. MONAI's ``Convolution`` blocks (as in its UNet) and ResNets are
            known; what is not known stays as it is.

    Returns:
        How many normalisations were folded.

    Raises:
        ValueError: the network is in training mode, in which statistics are not fixed.
    """
    if network.training:
        raise ValueError("only a network in evaluation mode has fixed statistics to fold")
    count = 0
    for module in list(network.modules()):
        if isinstance(module, Convolution):
            adn = module._modules.get("adn")
            # First in its order (N, D, A), so that nothing lies between it and the convolution.
            if adn is not None and next(iter(adn._modules), "") == "N":
                count += _fold(module, "conv", adn, "N")
        elif isinstance(module, (ResNet, ResNetBlock, ResNetBottleneck)):
            for number in ("1", "2", "3"):
                if hasattr(module, f"bn{number}"):
                    count += _fold(module, f"conv{number}", module, f"bn{number}")
            shortcut = getattr(module, "downsample", None)
            if isinstance(shortcut, nn.Sequential) and len(shortcut) == 2:
                count += _fold(shortcut, "0", shortcut, "1")
    return count


def _fold(conv_parent: nn.Module, conv_name: str, norm_parent: nn.Module, norm_name: str) -> bool:
    conv, norm = getattr(conv_parent, conv_name), getattr(norm_parent, norm_name)
    is_transposed = isinstance(conv, nn.ConvTranspose3d)
    if not isinstance(norm, (nn.BatchNorm2d, nn.BatchNorm3d)) or not (
        is_transposed or isinstance(conv, (nn.Conv2d, nn.Conv3d))
    ):
        return False
    if norm.running_mean is None or norm.running_var is None:
        return False
    setattr(conv_parent, conv_name, fuse_conv_bn_eval(conv, norm, transpose=is_transposed))
    setattr(norm_parent, norm_name, nn.Identity())
    return True
