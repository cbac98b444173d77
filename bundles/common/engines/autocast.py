"""Which numbers a network computes in."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import torch
from monai.inferers import SimpleInferer


class Precision(str, Enum):
    """What ``amp`` may be."""

    AUTO = "auto"
    OFF = "off"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


_TYPES = {
    Precision.OFF: torch.float32,
    Precision.BFLOAT16: torch.bfloat16,
    Precision.FLOAT16: torch.float16,
}


def autocast_type(amp: Precision | str, device: torch.device | str) -> torch.dtype:
    """The type that the network's convolutions compute in; its weights stay float32.

    Args:
        amp: ``auto`` is float32 on a CPU, where bfloat16 is faster and not always right (see
            docs/training.md); on a GPU bfloat16 if it computes in that, else float16.
        device: where the network is.

    Raises:
        ValueError: float16 on a CPU, which is no faster there and has no gradient scaler.
    """
    choice, cuda = Precision(amp), torch.device(device).type == "cuda"
    if choice is Precision.FLOAT16 and not cuda:
        raise ValueError("amp 'float16' needs a GPU; on a CPU take 'bfloat16' or 'off'")
    if choice is Precision.AUTO:
        choice = _automatic() if cuda else Precision.OFF
    return _TYPES[choice]


def _automatic() -> Precision:
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return Precision.BFLOAT16 if native else Precision.FLOAT16


class AutocastInferer(SimpleInferer):
    """Calls the network under autocast, on whichever device its input is; the output is float32.

    MONAI's engines have autocast for CUDA alone. The loss then is computed in float32.

    Args:
        dtype: see :func:`autocast_type`; float32 for none.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __call__(
        self,
        inputs: torch.Tensor,
        network: Callable[..., torch.Tensor],
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Take (B, 1, X, Y, Z), give the network's output in float32."""
        half = self.dtype is not torch.float32
        with torch.autocast(inputs.device.type, self.dtype if half else None, enabled=half):
            return network(inputs, *args, **kwargs).float()
