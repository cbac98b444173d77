"""A checkpoint as the book's training scripts save it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.atomic_files import sha256


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What is taken from a checkpoint; optimiser state and the like are left.

    Args:
        path: of the file.
        sha256: of the file.
        state: the network's state dict, on the CPU.
        epoch: of the training that it was saved in, None where it does not say.
    """

    path: Path
    sha256: str
    state: Mapping[str, torch.Tensor]
    epoch: int | None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without running any code that it may hold.

    Args:
        path: a file of ``torch.save`` with the state dict under ``model_state``.

    Raises:
        NodulusError: ``model-not-found`` or ``model-invalid``.
    """
    if not path.is_file():
        raise NodulusError(
            ErrorCode.MODEL_NOT_FOUND,
            "the checkpoint does not exist.",
            remedy="The book's code has its checkpoints in data/part2/models.",
            subject=path,
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its readers do
        raise _invalid(
            path, f"it cannot be read as a checkpoint of weights ({type(error).__name__})"
        ) from error
    state = content.get("model_state") if isinstance(content, dict) else None
    if not isinstance(state, Mapping) or not all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()
    ):
        raise _invalid(path, "it has no state dict under the key 'model_state'")
    epoch = content.get("epoch")
    return Checkpoint(path, sha256(path), state, epoch if isinstance(epoch, int) else None)


def _invalid(path: Path, problem: str) -> NodulusError:
    return NodulusError(
        ErrorCode.MODEL_INVALID,
        f"{problem}.",
        remedy="Give a .state file as the book's training scripts write it.",
        subject=path,
    )
