"""Segmentation inside the lungs, patch by patch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.chain.network.lung_patches import cover_blocks, only
from nodulus.app.chain.network.precision import stages_of, stride_of
from nodulus.app.chain.network.unet_stages import REACH, UNetStages
from nodulus.app.chain.settings import PipelineSettings
from nodulus.transforms.blocks import Box, any_in_blocks
from nodulus.transforms.patches import pad_end

Progress = Callable[[int, int], None]
Scale = Callable[[torch.Tensor], torch.Tensor]


def segment(
    hu: torch.Tensor,
    lungs: NDArray[np.bool_],
    network: torch.nn.Module,
    *,
    scale: Scale,
    roi_size: Sequence[int],
    pipeline: PipelineSettings,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probability of 'nodule' for each voxel: in large patches where the network allows it.

    Args:
        hu: shape (1, X, Y, Z).
        lungs: bool, shape (X, Y, Z).
        network: gives one logit per voxel.
        scale: from HU to what the network wants, where air is 0.
        roi_size: edge lengths of a patch for networks that want a fixed size.
        pipeline: sizes of patches.
        device: where the network is.
        progress: called with (done, in all).

    Returns:
        float32, shape (X, Y, Z); 0 where the network did not look.
    """
    stages, stride = stages_of(network), stride_of(network)
    if stages is not None:
        return segment_in_stages(
            hu,
            lungs,
            stages,
            scale=scale,
            context=pipeline.patch_context,
            max_voxels=pipeline.patch_voxels,
            max_coarse_voxels=pipeline.coarse_voxels,
            device=device,
            progress=progress,
        )
    if stride is None:
        return segment_windows(
            scale(hu),
            lungs,
            network,
            roi_size=roi_size,
            overlap=pipeline.patch_overlap,
            batch=pipeline.patch_batch,
            device=device,
            progress=progress,
        )
    return segment_patches(
        hu,
        lungs,
        network,
        scale=scale,
        stride=stride,
        context=pipeline.patch_context,
        max_voxels=pipeline.patch_voxels,
        device=device,
        progress=progress,
    )


def segment_patches(
    hu: torch.Tensor,
    lungs: NDArray[np.bool_],
    network: torch.nn.Module,
    *,
    scale: Scale,
    stride: int,
    context: int,
    max_voxels: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probability of 'nodule' for each voxel near the lungs, from few large patches.

    For networks that are convolutions alone: away from a patch's edge they give the same whatever
    the patch, so that patches need not be blended and share no more than their context.

    Args:
        hu: shape (1, X, Y, Z).
        lungs: bool, shape (X, Y, Z).
        scale: from HU to what the network wants, patch by patch, so that there is no second volume.
        network: gives one logit per voxel of patches whose edges are multiples of ``stride``.
        stride: of the network in all.
        context: voxels that the network sees around what it answers for.
        max_voxels: of a patch; bounds the memory.
        device: where the network is.
        progress: called with (voxels done, voxels in all).

    Returns:
        float32, shape (X, Y, Z); 0 where no patch was.
    """
    blocks = any_in_blocks(lungs, stride)
    patches = cover_blocks(blocks, stride=stride, context=context, max_voxels=max_voxels)
    result = torch.zeros(hu.shape[1:])
    todo, done = sum(patch.size for patch in patches), 0
    with torch.inference_mode():
        for patch in patches:
            seen = pad_end(
                scale(hu[(slice(None), *patch.outer)]), [s.stop - s.start for s in patch.outer]
            )
            logits = network(seen[None].to(device))[0, 0]
            _put(result, patch.core, logits[patch.within(patch.core)])
            done += patch.size
            if progress is not None:
                progress(done, todo)
    return np.asarray(result.numpy())


def segment_in_stages(
    hu: torch.Tensor,
    lungs: NDArray[np.bool_],
    stages: UNetStages,
    *,
    scale: Scale,
    context: int,
    max_voxels: int,
    max_coarse_voxels: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """The same for a UNet: its coarse levels look once, its finest one where there is lung.

    Args:
        hu: shape (1, X, Y, Z).
        lungs: bool, shape (X, Y, Z).
        stages: of the network.
        scale: from HU to what the network wants, slab by slab, so that there is no second volume.
        context: voxels that the coarse levels see around what is answered for.
        max_voxels: of what the finest level sees at once; bounds the memory.
        max_coarse_voxels: of what the coarse levels see at once; bounds the memory.
        device: where the network is.
        progress: called with (voxels done, voxels in all).

    Returns:
        float32, shape (X, Y, Z); 0 where the finest level did not look.
    """
    stride = stages.stride
    blocks = any_in_blocks(lungs, stride)
    wholes = cover_blocks(blocks, stride=stride, context=context, max_voxels=max_coarse_voxels)
    result = torch.zeros(hu.shape[1:])
    todo, done = sum(whole.size for whole in wholes), 0
    with torch.inference_mode():
        for whole in wholes:
            features = stages.encode(hu[(slice(None), *whole.outer)], scale, device)
            own = only(blocks, whole.core, stride)
            parts = cover_blocks(own, stride=stride, context=REACH, max_voxels=max_voxels)
            for number, part in enumerate(parts, start=1):
                _put(result, part.core, stages.decode(features, whole.within(part.core)))
                if progress is not None:
                    progress(done + whole.size * number // len(parts), todo)
            done += whole.size
    return np.asarray(result.numpy())


def _put(result: torch.Tensor, box: Box, logits: torch.Tensor) -> None:
    """Write the probabilities of a box that may end beyond the volume."""
    place = result[box]
    x, y, z = place.shape
    torch.sigmoid(logits[:x, :y, :z].float().cpu(), out=place)


def segment_windows(
    image: torch.Tensor,
    lungs: NDArray[np.bool_],
    network: torch.nn.Module,
    *,
    roi_size: Sequence[int],
    overlap: float,
    batch: int,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probability of 'nodule' for each voxel from overlapping patches of one size.

    Patches without any lung are not looked at.

    Overlapping patches are blended with a Gaussian weight (as in nnU-Net, Isensee et al.,
    Nature Methods 2021, and MONAI's ``sliding_window_inference``), sigmoids being averaged.

    Args:
        image: shape (1, X, Y, Z), scaled as the network wants it.
        lungs: bool, shape (X, Y, Z).
        network: gives one logit per voxel.
        roi_size: edge lengths of a patch; each a multiple of the network's total stride.
        overlap: share of a patch's edge that neighbours have in common.
        batch: patches in one forward pass.
        device: where the network is.
        progress: called with (patches done, patches in all).

    Returns:
        float32, shape (X, Y, Z); 0 where no patch was.
    """
    shape = image.shape[1:]
    padded = [max(n, r) for n, r in zip(shape, roi_size, strict=True)]
    source = pad_end(image, padded)
    starts = [
        start
        for start in product(
            *(_starts(p, r, overlap) for p, r in zip(padded, roi_size, strict=True))
        )
        if lungs[_box(start, roi_size)].any()
    ]
    total = torch.zeros(padded)
    weight = torch.zeros(padded)
    gaussian = _gaussian(roi_size)
    with torch.inference_mode():
        for first in range(0, len(starts), batch):
            chosen = starts[first : first + batch]
            patches = torch.stack([source[(slice(None), *_box(s, roi_size))] for s in chosen])
            result = torch.sigmoid(network(patches.to(device)).float()).cpu()
            for start, one in zip(chosen, result, strict=True):
                total[_box(start, roi_size)].addcmul_(one[0], gaussian)
                weight[_box(start, roi_size)] += gaussian
            if progress is not None:
                progress(min(first + batch, len(starts)), len(starts))
    blended = total.div_(weight.clamp_(min=1e-6))
    x, y, z = shape
    return np.asarray(blended[:x, :y, :z].numpy())


def _starts(size: int, roi: int, overlap: float) -> list[int]:
    """Starts that cover an axis evenly with at least the wanted overlap."""
    if size <= roi:
        return [0]
    count = int(np.ceil((size - roi) / (roi * (1.0 - overlap)))) + 1
    return sorted({round(s) for s in np.linspace(0, size - roi, count)})


def _box(start: Sequence[int], size: Sequence[int]) -> tuple[slice, slice, slice]:
    x, y, z = (slice(a, a + n) for a, n in zip(start, size, strict=True))
    return x, y, z


def _gaussian(size: Sequence[int], sigma: float = 0.125) -> torch.Tensor:
    """Separable Gaussian, sigma as a share of each edge, 1 in the middle and never 0."""
    result = torch.ones(1)
    for n in size:
        x = (torch.arange(n) - (n - 1) / 2) / (sigma * n)
        result = result[..., None] * torch.exp(-0.5 * x**2)
    return result[0].clamp(min=1e-3)
