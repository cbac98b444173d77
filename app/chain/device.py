"""The device that the networks run on, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    import torch


def available_devices() -> list[str]:
    """Give the names of this computer's devices that the networks can run on."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = ["cpu", *(["cuda"] if count else []), *(f"cuda:{n}" for n in range(count))]
    return [*found, "mps"] if torch.backends.mps.is_available() else found


def find_device(name: str) -> torch.device:
    """Give a device of this computer.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:N``, ``mps``, or ``auto`` (CUDA where there is one, else
            the CPU).

    Raises:
        NodulusError: ``device-not-available``, with those that there are.
    """
    import torch

    available = available_devices()
    if name == "auto":
        return torch.device("cuda" if "cuda" in available else "cpu")
    if name not in available:
        raise NodulusError(
            ErrorCode.DEVICE_NOT_AVAILABLE,
            f"There is no device {name[:32]!r} here"
            + ("; this torch sees no CUDA device." if name.startswith("cuda") else "."),
            remedy=f"Use one of: auto, {', '.join(available)}.",
        )
    return torch.device(name)
