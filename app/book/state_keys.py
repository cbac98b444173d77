"""The book's names of weights and ours, key by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Rename = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_NORM = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
_WEIGHTS = r"(weight|bias)"


def _layer(number: str) -> str:
    """Of the book's convolution, ReLU, norm, convolution, ReLU, norm: those with weights."""
    return {"0": "0.conv", "2": "0.adn.N", "3": "1.conv", "5": "1.adn.N"}[number]


def _rename(pattern: str, to: Callable[[re.Match[str]], str]) -> Rename:
    return re.compile(pattern), to


SEGMENTATION: tuple[Rename, ...] = (
    _rename(rf"input_batchnorm\.{_NORM}", lambda m: f"norm.{m[1]}"),
    _rename(
        rf"unet\.down_path\.(\d+)\.block\.([03])\.{_WEIGHTS}",
        lambda m: f"down.{m[1]}.{_layer(m[2])}.{m[3]}",
    ),
    _rename(
        rf"unet\.down_path\.(\d+)\.block\.([25])\.{_NORM}",
        lambda m: f"down.{m[1]}.{_layer(m[2])}.{m[3]}",
    ),
    _rename(rf"unet\.up_path\.(\d+)\.up\.{_WEIGHTS}", lambda m: f"up.{m[1]}.grow.{m[2]}"),
    _rename(
        rf"unet\.up_path\.(\d+)\.conv_block\.block\.([03])\.{_WEIGHTS}",
        lambda m: f"up.{m[1]}.convolutions.{_layer(m[2])}.{m[3]}",
    ),
    _rename(
        rf"unet\.up_path\.(\d+)\.conv_block\.block\.([25])\.{_NORM}",
        lambda m: f"up.{m[1]}.convolutions.{_layer(m[2])}.{m[3]}",
    ),
    _rename(rf"unet\.last\.{_WEIGHTS}", lambda m: f"head.{m[1]}"),
)
"""Of the U-Net of chapter 13 to :class:`nodulus.bundles.common.networks.SliceUNet`."""

CLASSIFIER: tuple[Rename, ...] = (
    _rename(rf"tail_batchnorm\.{_NORM}", lambda m: f"norm.{m[1]}"),
    _rename(
        rf"block([1-9])\.conv([12])\.{_WEIGHTS}",
        lambda m: f"blocks.{int(m[1]) - 1}.{int(m[2]) - 1}.conv.{m[3]}",
    ),
    _rename(rf"head_linear\.{_WEIGHTS}", lambda m: f"head.{m[1]}"),
)
"""Of LunaModel of chapters 11 to 14 to :class:`nodulus.bundles.common.networks.CropClassifier`."""


def renamed(keys: Iterable[str], table: tuple[Rename, ...]) -> tuple[dict[str, str], list[str]]:
    """Translate keys.

    Args:
        keys: of a checkpoint.
        table: patterns that match a whole key.

    Returns:
        Their key by ours, and the keys that no pattern knows.
    """
    found: dict[str, str] = {}
    unknown: list[str] = []
    for key in keys:
        for pattern, to in table:
            match = pattern.fullmatch(key)
            if match:
                found[to(match)] = key
                break
        else:
            unknown.append(key)
    return found, unknown
