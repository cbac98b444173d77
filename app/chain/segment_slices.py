"""Segmentation slice by slice, each with its neighbours as channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.chain.network.segment_windows import segment_windows
from nodulus.app.progress import Progress
from nodulus.transforms.blocks import Box
from nodulus.transforms.windowing import window


def segment_slices(
    hu: NDArray[np.int16] | NDArray[np.float32],
    box: Box,
    looked_at: Sequence[int],
    network: torch.nn.Module,
    *,
    slices: int,
    window_hu: tuple[float, float],
    input_range: tuple[float, float],
    batch: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probability of 'nodule' for each voxel of a box.

    A neighbour beyond the first or last slice of the volume is that slice again, as in 'Deep
    Learning with PyTorch' (2020, chapter 13).

    Args:
        hu: shape (I, R, C), the whole volume.
        box: the part that is wanted; neighbouring slices are taken from outside it too.
        looked_at: slices of the volume within the box; the others stay 0.
        network: (B, slices, R, C) to one logit a pixel, (B, 1, R, C), for the middle slice.
        slices: channels of its input, an odd number.
        window_hu: HU are clipped there.
        input_range: what the window's ends become.
        batch: slices in one forward pass.
        device: where the network is.
        progress: called with (slices done, slices in all).

    Returns:
        float32, shape of the box.
    """
    along, rows, columns = box
    shape = [s.stop - s.start for s in box]
    around = np.arange(slices) - slices // 2

    def cut(part: Box) -> torch.Tensor:
        index = np.clip(along.start + part[0].start + around, 0, len(hu) - 1)
        stack = torch.from_numpy(hu[index, rows, columns].astype(np.float32))
        return window(stack, window_hu, input_range)

    places = [n - along.start for n in looked_at]
    return segment_windows(
        shape,
        [(slice(i, i + 1), slice(0, shape[1]), slice(0, shape[2])) for i in places],
        cut,
        network,
        weights=None,
        batch=batch,
        device=device,
        progress=progress,
    )
