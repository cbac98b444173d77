"""A network of neighbouring slices is given them from the feet to the head."""

from __future__ import annotations

import numpy as np
import torch

from nodulus.app.chain.native_space import to_native_space
from nodulus.app.chain.segment_slices import segment_slices
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry


class Channel(torch.nn.Module):
    """The logit is one channel's value."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.logit(x[:, self.number : self.number + 1] / 100)


def seen(hu: np.ndarray, channel: int) -> list[float]:
    """What the network sees in a channel when it looks at slices 2 to 4."""
    found = segment_slices(
        hu,
        (slice(1, 6), slice(0, 3), slice(0, 2)),
        [2, 3, 4],
        Channel(channel),
        slices=5,
        window_hu=(0.0, 50.0),
        input_range=(0.0, 50.0),
        batch=2,
        device=torch.device("cpu"),
    )
    return np.round(100 * found[1:4, 0, 0], 3).tolist()


def test_the_first_channel_is_the_lowest_slice() -> None:
    heights = np.arange(8, dtype=np.int16) * 5 + 5
    hu = np.broadcast_to(heights[:, None, None], (8, 3, 2)).copy()
    for channel in range(5):
        assert seen(hu, channel) == [5.0 * (k + channel - 2) + 5 for k in (2, 3, 4)]


def test_of_a_series_that_is_counted_from_the_head_too() -> None:
    heights = np.arange(8, dtype=np.int16)[::-1] * 5 + 5
    hu = np.broadcast_to(heights[:, None, None], (8, 3, 2)).copy()
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = -5.0, 1.0, 1.0, 1.0
    affine[2, 3] = 35.0
    view = to_native_space(CtVolume(hu, Geometry(hu.shape, affine), "1.2", None, "mhd"))
    assert view.geometry.index_to_lps((0, 0, 0))[2] == 0
    assert seen(view.hu, 0) == [5.0, 10.0, 15.0]
    assert seen(view.hu, 4) == [25.0, 30.0, 35.0]
