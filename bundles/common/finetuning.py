"""How much of an already trained network is trained again.

What does not learn stays as it was: its weights, and the running statistics of its batch
normalisation, which training would otherwise go on changing without any gradient.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import torch

from nodulus.bundles.common.engines import load_weights

HEAD = "fc."
_STEM = ("conv1.", "bn1.")


class Finetune(str, Enum):
    """Which parameters learn."""

    HEAD = "head"
    BLOCKS = "blocks"
    ALL = "all"
    SCRATCH = "scratch"


class FrozenBatchNorm3d(torch.nn.BatchNorm3d):
    """Batch normalisation with its learnt statistics, in training too."""

    def train(self, mode: bool = True) -> FrozenBatchNorm3d:
        """Stay in evaluation mode."""
        del mode
        super().train(False)
        return self


def blocks_of(network: torch.nn.Module) -> list[str]:
    """Prefixes of the residual blocks of a MONAI ``ResNet``, first to last, as ``layer1.0.``.

    Raises:
        ValueError: it has none.
    """
    names = [
        f"{stage}.{number}."
        for stage, module in network.named_children()
        if stage.startswith("layer")
        for number, _ in module.named_children()
    ]
    if not names:
        raise ValueError(f"{type(network).__name__} has no residual blocks (layer1, layer2, ...)")
    return names


def start(
    network: torch.nn.Module,
    weights: Path | str | None,
    finetune: Finetune | str,
    last_blocks: int = 2,
) -> torch.nn.Module:
    """Load the other task's weights without its head, and freeze what does not learn.

    Args:
        network: a MONAI ``ResNet``.
        weights: state dict of the same network trained for another task; not read for ``scratch``.
        finetune: ``head`` trains the last layer, ``blocks`` the last residual blocks too, ``all``
            everything, ``scratch`` everything from random weights.
        last_blocks: how many with ``blocks``.

    Raises:
        FileNotFoundError: the weights are missing.
        ValueError: the weights are of another network, or it has not so many blocks.
    """
    mode = Finetune(finetune)
    if mode is Finetune.SCRATCH:
        return network
    if weights is None:
        raise ValueError(f"finetune {mode.value!r} needs initial_weights; 'scratch' does not")
    blocks = blocks_of(network)
    if mode is Finetune.BLOCKS and not 1 <= last_blocks <= len(blocks):
        raise ValueError(f"last_blocks must be 1 to {len(blocks)}, got {last_blocks}")
    load_weights(network, weights, skip=(HEAD,))
    learning = {
        Finetune.HEAD: (HEAD,),
        Finetune.BLOCKS: (*blocks[len(blocks) - last_blocks :], HEAD),
        Finetune.ALL: ("",),
    }[mode]
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(learning))
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm3d) and not name.startswith(learning):
            module.__class__ = FrozenBatchNorm3d
            module.eval()
    return network


def parameter_groups(
    network: torch.nn.Module,
    finetune: Finetune | str,
    learning_rate: float,
    layer_decay: float = 1.0,
) -> list[dict[str, Any]]:
    """Parameters for the optimizer, with the learning rate of each stage.

    With ``all`` the head learns at the full rate and each stage towards the input by the factor
    slower than the one after it: what a network learns first is the most general (discriminative
    fine-tuning, Howard and Ruder, ACL 2018, doi:10.18653/v1/P18-1031, with a factor of 1/2.6).

    Args:
        network: from :func:`start`.
        finetune: the same as there.
        learning_rate: of the head.
        layer_decay: the factor, above 0 and at most 1.

    Raises:
        ValueError: the factor is out of its range.
    """
    if not 0 < layer_decay <= 1:
        raise ValueError(f"layer_decay must be above 0 and at most 1, got {layer_decay}")
    if Finetune(finetune) is not Finetune.ALL:
        return [{"params": [p for p in network.parameters() if p.requires_grad]}]
    stages = list(dict.fromkeys(f"{block.split('.')[0]}." for block in blocks_of(network)))
    groups = [(HEAD,), *((stage,) for stage in reversed(stages)), _STEM]
    return [
        {
            "params": [p for name, p in network.named_parameters() if name.startswith(prefixes)],
            "lr": learning_rate * layer_decay**depth,
        }
        for depth, prefixes in enumerate(groups)
    ]
