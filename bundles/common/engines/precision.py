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


def autocast_type(amp: Precision | str, device: torch.device | str) -> torch.dtype:
    """The type that the network's convolutions compute in; its weights stay float32.

    Args:
        amp: ``auto`` is bfloat16 where the device has instructions for it (NVIDIA since Ampere,
            CPUs with AVX512-BF16 or AMX), else float16 on a GPU and float32 on a CPU.
        device: where the network is.

    Raises:
        ValueError: float16 on a CPU, which is no faster there and has no gradient scaler.
    """
    choice, cuda = Precision(amp), torch.device(device).type == "cuda"
    if choice is Precision.AUTO:
        if _has_bfloat16(cuda):
            return torch.bfloat16
        return torch.float16 if cuda else torch.float32
    if choice is Precision.FLOAT16 and not cuda:
        raise ValueError("amp 'float16' needs a GPU; on a CPU take 'bfloat16' or 'off'")
    return {"off": torch.float32, "bfloat16": torch.bfloat16}.get(choice.value, torch.float16)


def _has_bfloat16(cuda: bool) -> bool:
    if cuda:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpu: Any = torch.cpu
    return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())


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
