"""Weights into a network, and out of a run."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch.nn.utils.memory_format import convert_conv3d_weight_memory_format

from nodulus.bundles.common.atomic_files import atomic_write
from nodulus.bundles.common.patient_record import publish_record

logger = logging.getLogger(__name__)


def publish(checkpoint: Path | str, weights_path: Path | str | None) -> None:
    """Copy a finished checkpoint's state dict to where the bundle's weights lie.

    The run's record of patients (see :mod:`nodulus.bundles.common.patient_record`) goes with it.

    Args:
        checkpoint: ``best.pt`` or ``final.pt``: a state dict, or one under ``network``.
        weights_path: where to; None does nothing.

    Raises:
        FileNotFoundError: there is no checkpoint.
    """
    if weights_path is None:
        return
    source, target = Path(checkpoint), Path(weights_path)
    if not source.exists():
        raise FileNotFoundError(f"{source}: no checkpoint to publish")
    state = torch.load(source, map_location="cpu", weights_only=True)
    state = state.get("network", state)
    save_weights(state, target)
    publish_record(source.parent, target)
    logger.info("published %s", target)


def save_weights(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a state dict, alone and contiguous, beside its place and rename."""
    with atomic_write(path) as part, part.open("wb") as file:
        torch.save({name: value.contiguous().clone() for name, value in state.items()}, file)


def load_weights(
    network: torch.nn.Module,
    path: Path | str | None,
    skip: Sequence[str] = (),
    may_lack: Sequence[str] = (),
) -> torch.nn.Module:
    """Load a state dict into a network and return it; None leaves it as it is.

    Args:
        network: to load into.
        path: of ``model.pt``.
        skip: prefixes of parameter names that keep their own values.
        may_lack: prefixes of parameter names that keep their own values where the file has none
            of them: weights that are older than a part of the network.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is of another network.
    """
    if path is None:
        return network
    if not Path(path).exists():
        raise FileNotFoundError(f"{path}: no weights; train the bundle that they come from first")
    state = torch.load(path, map_location="cpu", weights_only=True)
    if skip:
        state = {k: v for k, v in state.items() if not k.startswith(tuple(skip))}
    lacking = tuple(p for p in may_lack if not any(k.startswith(p) for k in state))
    if lacking:
        state |= {k: v for k, v in network.state_dict().items() if k.startswith(lacking)}
    try:
        network.load_state_dict(state, strict=not skip)
    except RuntimeError as error:
        raise ValueError(f"{path}: the weights do not fit the network") from error
    return network


def channels_last_3d(network: torch.nn.Module) -> torch.nn.Module:
    """Lay the weights of the 3D convolutions out as the CPU is quickest with; returns it.

    ``Module.to`` does the same, but refuses a network that has 2D convolutions too.
    """
    laid_out: torch.nn.Module = convert_conv3d_weight_memory_format(network, torch.channels_last_3d)
    return laid_out


def expect_rare(network: torch.nn.Module, prior: float) -> torch.nn.Module:
    """Let a fresh network start from the frequency of its class instead of a half; returns it.

    The bias of the last convolution becomes the prior's logit, so that the first steps are not
    spent on unlearning half of the background (Lin et al., Focal Loss, ICCV 2017, section 3.3).
    Deep supervision has several: each convolution with as many channels out as the last.

    Args:
        network: its last 3D convolution has a bias and gives the logits.
        prior: share of the class, between 0 and 1.
    """
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv3d)]
    last = convolutions[-1]
    if last.bias is None:
        raise ValueError("the network's last convolution has no bias to set")
    for convolution in convolutions:
        if convolution.out_channels == last.out_channels and convolution.bias is not None:
            torch.nn.init.constant_(convolution.bias, math.log(prior / (1.0 - prior)))
    return network
