"""How much of an already trained network is trained again."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import torch

from bundles.common.engines import load_weights

EARLY_FACTOR = 0.1
"""Learning rate of the early layers as a share of the others'."""

_HEAD = ("fc.",)
_LAST_BLOCKS = ("layer3.", "layer4.", *_HEAD)


class Finetune(str, Enum):
    """Which parameters learn."""

    HEAD = "head"
    BLOCKS = "blocks"
    ALL = "all"
    SCRATCH = "scratch"


def start(
    network: torch.nn.Module, weights: Path | str | None, finetune: Finetune | str
) -> torch.nn.Module:
    """Load the other task's weights without its head, and freeze what does not learn.

    Args:
        network: a MONAI ``ResNet``.
        weights: state dict of the same network trained for another task; not read for ``scratch``.
        finetune: ``head`` trains the last layer, ``blocks`` the last two stages too, ``all``
            everything, ``scratch`` everything from random weights.

    Raises:
        FileNotFoundError: the weights are missing.
        ValueError: the weights are of another network.
    """
    mode = Finetune(finetune)
    if mode is Finetune.SCRATCH:
        return network
    if weights is None:
        raise ValueError(f"finetune {mode.value!r} needs initial_weights; 'scratch' does not")
    load_weights(network, weights, skip=_HEAD)
    learning = {Finetune.HEAD: _HEAD, Finetune.BLOCKS: _LAST_BLOCKS, Finetune.ALL: ("",)}[mode]
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(learning))
    return network


def parameter_groups(
    network: torch.nn.Module, finetune: Finetune | str, learning_rate: float
) -> list[dict[str, Any]]:
    """Parameters for the optimizer; with ``all`` the early layers learn ten times slower."""
    if Finetune(finetune) is not Finetune.ALL:
        return [{"params": [p for p in network.parameters() if p.requires_grad]}]
    named = list(network.named_parameters())
    late = [p for name, p in named if name.startswith(_LAST_BLOCKS)]
    early = [p for name, p in named if not name.startswith(_LAST_BLOCKS)]
    return [{"params": late}, {"params": early, "lr": learning_rate * EARLY_FACTOR}]
