"""Small random checkpoints with the keys of the book's, and what its networks make of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch.nn import functional as F

State = dict[str, torch.Tensor]


class _Random:
    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def weights(self, state: State, name: str, shape: tuple[int, ...], channels: int) -> None:
        state[f"{name}.weight"] = 0.3 * torch.randn(shape, generator=self._generator)
        state[f"{name}.bias"] = 0.1 * torch.randn(channels, generator=self._generator)

    def norm(self, state: State, name: str, n: int) -> None:
        for part in ("weight", "running_var"):
            state[f"{name}.{part}"] = 0.5 + torch.rand(n, generator=self._generator)
        for part in ("bias", "running_mean"):
            state[f"{name}.{part}"] = 0.1 * torch.randn(n, generator=self._generator)
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)


def segmentation_state(slices: int = 7, first: int = 2, depth: int = 3, seed: int = 0) -> State:
    """Of the U-Net of chapter 13."""
    random, state = _Random(seed), State()
    random.norm(state, "input_batchnorm", slices)

    def block(name: str, a: int, b: int) -> None:
        for number, channels in ((0, a), (3, b)):
            random.weights(state, f"{name}.{number}", (b, channels, 3, 3), b)
            random.norm(state, f"{name}.{number + 2}", b)

    widths = [first * 2**level for level in range(depth)]
    for level, (a, b) in enumerate(zip([slices, *widths], widths, strict=False)):
        block(f"unet.down_path.{level}.block", a, b)
    for level, (b, a) in enumerate(reversed(list(pairwise(widths)))):
        random.weights(state, f"unet.up_path.{level}.up", (a, b, 2, 2), b)
        block(f"unet.up_path.{level}.conv_block.block", 2 * b, b)
    random.weights(state, "unet.last", (1, first, 1, 1), 1)
    return state


def classifier_state(first: int = 2, seed: int = 1) -> State:
    """Of LunaModel for crops of 32 x 48 x 48 voxels."""
    random, state = _Random(seed), State()
    random.norm(state, "tail_batchnorm", 1)
    widths = [1, *(first * 2**level for level in range(4))]
    for level, (a, b) in enumerate(pairwise(widths), start=1):
        random.weights(state, f"block{level}.conv1", (b, a, 3, 3, 3), b)
        random.weights(state, f"block{level}.conv2", (b, b, 3, 3, 3), b)
    random.weights(state, "head_linear", (2, widths[-1] * 2 * 3 * 3), 2)
    return state


def _norm(x: torch.Tensor, state: State, name: str) -> torch.Tensor:
    parts = (state[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *parts)


def segmentation_logits(state: State, x: torch.Tensor) -> torch.Tensor:
    """The U-Net step by step, from the checkpoint's own names."""

    def block(x: torch.Tensor, name: str) -> torch.Tensor:
        for number in (0, 3):
            one = f"{name}.{number}"
            x = F.relu(F.conv2d(x, state[f"{one}.weight"], state[f"{one}.bias"], padding=1))
            x = _norm(x, state, f"{name}.{number + 2}")
        return x

    x = _norm(x, state, "input_batchnorm")
    a = block(x, "unet.down_path.0.block")
    b = block(F.avg_pool2d(a, 2), "unet.down_path.1.block")
    x = block(F.avg_pool2d(b, 2), "unet.down_path.2.block")
    for level, beside in enumerate((b, a)):
        up = f"unet.up_path.{level}.up"
        x = F.conv_transpose2d(x, state[f"{up}.weight"], state[f"{up}.bias"], stride=2)
        x = block(torch.cat([x, beside], 1), f"unet.up_path.{level}.conv_block.block")
    return F.conv2d(x, state["unet.last.weight"], state["unet.last.bias"])


def classifier_logits(state: State, x: torch.Tensor) -> torch.Tensor:
    """LunaModel step by step, from the checkpoint's own names."""
    x = _norm(x, state, "tail_batchnorm")
    for level in range(1, 5):
        for number in (1, 2):
            one = f"block{level}.conv{number}"
            x = F.relu(F.conv3d(x, state[f"{one}.weight"], state[f"{one}.bias"], padding=1))
        x = F.max_pool3d(x, 2)
    return F.linear(x.flatten(1), state["head_linear.weight"], state["head_linear.bias"])


def write(path: Path, state: State) -> Path:
    """As the book's training scripts save it."""
    torch.save(
        {
            "sys_argv": ["training.py", "--epochs", "3"],
            "time": "2020-01-01 00:00:00",
            "model_state": state,
            "model_name": "Net",
            "optimizer_state": {"state": {}, "param_groups": []},
            "optimizer_name": "SGD",
            "epoch": 3,
            "totalTrainingSamples_count": 12,
        },
        path,
    )
    return path
