"""Handlers and steps that the configs need and MONAI does not have."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from monai.handlers import from_engine
from monai.utils import set_determinism

from bundles.common.patient_record import publish_record

logger = logging.getLogger(__name__)


class GradientClipper:
    """Scale the gradients down to a norm after each backward pass (Pascanu et al. 2013).

    Args:
        network: whose gradients.
        max_norm: largest Euclidean norm of all of them together.
    """

    def __init__(self, network: torch.nn.Module, max_norm: float) -> None:
        self.network = network
        self.max_norm = max_norm

    def attach(self, engine: Engine) -> None:
        """Act on the engine's backward passes."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Clip."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.max_norm)


class ProgressLog:
    """A log line every so many iterations, with the loss where there is one.

    Args:
        every: iterations between lines.
        name: what the lines call the engine.
    """

    def __init__(self, every: int, name: str) -> None:
        self.every = every
        self.name = name

    def attach(self, engine: Engine) -> None:
        """Act on the engine's iterations."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_STARTED, self.restart)

    def restart(self, engine: Engine) -> None:
        """Start the clock of an epoch, so that a validation between two does not count."""
        self.start, self.first = time.monotonic(), engine.state.iteration

    def __call__(self, engine: Engine) -> None:
        """Write the line."""
        done = engine.state.iteration
        if done % self.every:
            return
        total = engine.state.max_epochs * engine.state.epoch_length
        speed = (done - self.first) / max(1e-9, time.monotonic() - self.start)
        loss = _loss(engine.state.output)
        tail = "" if loss is None else f", loss {loss:.4f}"
        logger.info("%s: %d/%d, %.2f a second%s", self.name, done, total, speed, tail)


def _loss(output: Any) -> float | None:
    first = output[0] if isinstance(output, Sequence) else output
    return float(first["loss"]) if isinstance(first, dict) and "loss" in first else None


def begin(seed: int, threads: int | None = None) -> None:
    """Seed everything and set the machine up for training on a CPU.

    Args:
        seed: of Python, NumPy and PyTorch.
        threads: for computing; PyTorch's own choice where None.
    """
    set_determinism(seed=seed)
    torch.set_flush_denormal(True)  # denormal gradients cost a CPU tens of times a normal one
    if threads:
        torch.set_num_threads(threads)


def publish(checkpoint: Path | str, weights_path: Path | str | None) -> None:
    """Copy a finished checkpoint's state dict to where the bundle's weights lie.

    The run's record of patients (see :mod:`bundles.common.patient_record`) goes with it.

    Args:
        checkpoint: written by ``CheckpointSaver``, either a state dict or one under ``network``.
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
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".part")
    torch.save({name: value.contiguous().clone() for name, value in state.items()}, beside)
    shutil.move(beside, target)
    publish_record(source.parent, target)
    logger.info("published %s", target)


def load_weights(
    network: torch.nn.Module, path: Path | str | None, skip: Sequence[str] = ()
) -> torch.nn.Module:
    """Load a state dict into a network and return it; None leaves it as it is.

    Args:
        network: to load into.
        path: of ``model.pt``.
        skip: prefixes of parameter names that keep their own values.

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
    try:
        network.load_state_dict(state, strict=not skip)
    except RuntimeError as error:
        raise ValueError(f"{path}: the weights do not fit the network") from error
    return network


def expect_rare(network: torch.nn.Module, prior: float) -> torch.nn.Module:
    """Let a fresh network start from the frequency of its class instead of a half; returns it.

    The bias of the last convolution becomes the prior's logit, so that the first steps are not
    spent on unlearning half of the background (Lin et al., Focal Loss, ICCV 2017, section 3.3).

    Args:
        network: its last 3D convolution has a bias and gives the logits.
        prior: share of the class, between 0 and 1.
    """
    last = [m for m in network.modules() if isinstance(m, torch.nn.Conv3d)][-1]
    if last.bias is None:
        raise ValueError("the network's last convolution has no bias to set")
    with torch.no_grad():
        last.bias.fill_(math.log(prior / (1.0 - prior)))
    return network


def image_and_target(
    batch: dict[str, torch.Tensor], device: torch.device, non_blocking: bool = False, **kwargs: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch of a classifier: ``image`` (B, 1, X, Y, Z) and ``target`` (B, 1), on the device."""
    image, target = batch["image"], batch["target"]
    return (
        image.to(device, non_blocking=non_blocking, **kwargs),
        target.to(device, non_blocking=non_blocking, **kwargs),
    )


def loss_output() -> Callable[[Any], Any]:
    """The loss of the engine's last output."""
    function: Callable[[Any], Any] = from_engine(["loss"], first=True)
    return function
