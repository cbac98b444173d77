"""The book's checkpoints as our networks' state dicts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nodulus.app.book.checkpoint import Checkpoint
from nodulus.app.book.state_keys import CLASSIFIER, SEGMENTATION, Rename, renamed
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.networks import CropClassifier, SliceUNet

_SHOWN = 6


@dataclass(frozen=True, eq=False)
class Converted:
    """A network with a checkpoint's weights.

    Args:
        network: in evaluation mode.
        arguments: that it was built with, for ``network_def``.
    """

    network: nn.Module
    arguments: Mapping[str, Any]


def convert_segmentation(checkpoint: Checkpoint) -> Converted:
    """The U-Net of chapter 13, its widths as the checkpoint has them.

    Raises:
        NodulusError: ``model-invalid``; names the keys that do not fit.
    """
    state = _translated(checkpoint, SEGMENTATION)
    arguments: dict[str, Any] = {
        "slices": _width(checkpoint, state, "norm.weight"),
        "features": _widths(checkpoint, state, r"down\.(\d+)\.0\.conv\.weight"),
    }
    return _filled(checkpoint, SliceUNet(**arguments), state, SEGMENTATION, arguments)


def convert_classifier(checkpoint: Checkpoint, crop_size: Sequence[int]) -> Converted:
    """LunaModel, its widths as the checkpoint has them.

    Args:
        checkpoint: of the nodule or of the malignancy classifier.
        crop_size: slices, rows and columns of its input; the checkpoint does not say.

    Raises:
        NodulusError: ``model-invalid``; names the keys that do not fit.
    """
    state = _translated(checkpoint, CLASSIFIER)
    arguments: dict[str, Any] = {
        "crop_size": list(crop_size),
        "features": _widths(checkpoint, state, r"blocks\.(\d+)\.0\.conv\.weight"),
    }
    try:
        network = CropClassifier(**arguments)
    except ValueError as error:
        raise _misfit(checkpoint, str(error)) from error
    return _filled(checkpoint, network, state, CLASSIFIER, arguments)


def _translated(checkpoint: Checkpoint, table: tuple[Rename, ...]) -> dict[str, torch.Tensor]:
    names, unknown = renamed(checkpoint.state, table)
    if unknown:
        raise _misfit(checkpoint, f"unknown keys {_some(unknown)}")
    return {ours: checkpoint.state[theirs] for ours, theirs in names.items()}


def _width(checkpoint: Checkpoint, state: Mapping[str, torch.Tensor], key: str) -> int:
    if key not in state or state[key].ndim == 0:
        raise _misfit(checkpoint, "no batch norm of the input")
    return int(state[key].shape[0])


def _widths(checkpoint: Checkpoint, state: Mapping[str, torch.Tensor], pattern: str) -> list[int]:
    """Output channels of the layers of a pattern, in the order of their numbers."""
    found = {int(m[1]): state[m[0]].shape[0] for k in state if (m := re.fullmatch(pattern, k))}
    if not found or sorted(found) != list(range(len(found))):
        raise _misfit(checkpoint, "no unbroken row of convolution blocks")
    return [int(found[level]) for level in sorted(found)]


def _filled(
    checkpoint: Checkpoint,
    network: nn.Module,
    state: Mapping[str, torch.Tensor],
    table: tuple[Rename, ...],
    arguments: Mapping[str, Any],
) -> Converted:
    names, _ = renamed(checkpoint.state, table)
    wanted = network.state_dict()
    if missing := [k for k in wanted if k not in state]:
        raise _misfit(checkpoint, f"nothing for our {_some(missing)}")
    if extra := [names[k] for k in state if k not in wanted]:
        raise _misfit(checkpoint, f"no place for {_some(extra)}")
    wrong = [
        f"{names[k]} of shape {tuple(state[k].shape)} instead of {tuple(wanted[k].shape)}"
        for k in wanted
        if state[k].shape != wanted[k].shape
    ]
    if wrong:
        raise _misfit(checkpoint, _some(wrong))
    network.load_state_dict(state)
    return Converted(network.eval(), arguments)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _misfit(checkpoint: Checkpoint, problem: str) -> NodulusError:
    return NodulusError(
        ErrorCode.MODEL_INVALID,
        f"the checkpoint is not of the book's network: {problem}.",
        remedy="Give the chapter 13 U-Net (batch norm, up-convolution) as --seg and LunaModel"
        " as --cls and --mal.",
        subject=checkpoint.path,
    )
