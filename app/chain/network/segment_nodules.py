"""Segmentation inside the lungs, patch by patch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.chain.network.lung_patches import LungPatch, blocks_in, cover_blocks
from nodulus.app.chain.network.patch_network import PatchNetwork, Scale
from nodulus.app.chain.network.precision import patch_network_of
from nodulus.app.chain.network.segment_windows import (
    gaussian_weights,
    segment_windows,
    windows_over,
)
from nodulus.app.chain.settings import PipelineSettings
from nodulus.app.progress import Progress
from nodulus.transforms.blocks import Box, any_in_blocks
from nodulus.transforms.patches import pad_end


def segment_nodules(
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
    ours = patch_network_of(network)
    if ours is not None:
        return segment_patches(
            hu, lungs, ours, scale=scale, pipeline=pipeline, device=device, progress=progress
        )
    padded = pad_end(scale(hu), [max(n, r) for n, r in zip(hu.shape[1:], roi_size, strict=True)])
    windows = windows_over(padded.shape[1:], roi_size, pipeline.patch_overlap)
    result = segment_windows(
        padded.shape[1:],
        [window for window in windows if lungs[window].any()],
        lambda window: padded[(slice(None), *window)],
        network,
        weights=gaussian_weights(roi_size),
        batch=pipeline.patch_batch,
        device=device,
        progress=progress,
    )
    x, y, z = hu.shape[1:]
    return result[:x, :y, :z]


def segment_patches(
    hu: torch.Tensor,
    lungs: NDArray[np.bool_],
    network: PatchNetwork,
    *,
    scale: Scale,
    pipeline: PipelineSettings,
    device: torch.device,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probability of 'nodule' for each voxel near the lungs, from few large patches.

    For networks that are convolutions alone: away from a patch's edge they give the same whatever
    the patch, so that patches need not be blended and share no more than their context.

    Args:
        hu: shape (1, X, Y, Z).
        lungs: bool, shape (X, Y, Z).
        network: a network in two stages.
        scale: from HU to what the network wants, part by part, so that there is no second volume.
        pipeline: context and sizes of patches.
        device: where the network is.
        progress: called with (voxels done, voxels in all).

    Returns:
        float32, shape (X, Y, Z); 0 where the network did not look.
    """
    stride = network.stride
    blocks = any_in_blocks(lungs, stride)
    most = pipeline.patch_voxels if network.reach is None else pipeline.coarse_voxels
    patches = cover_blocks(blocks, stride=stride, context=pipeline.patch_context, max_voxels=most)
    result = torch.zeros(hu.shape[1:])
    todo, done = sum(patch.size for patch in patches), 0
    with torch.inference_mode():
        for patch in patches:
            features = network.encode(hu[(slice(None), *patch.outer)], scale, device)
            parts = _parts(patch, blocks, network, pipeline.patch_voxels)
            for number, part in enumerate(parts, start=1):
                _put(result, part, network.decode(features, patch.within(part)))
                if progress is not None:
                    progress(done + patch.size * number // len(parts), todo)
            done += patch.size
    return np.asarray(result.numpy())


def _parts(
    patch: LungPatch, blocks: NDArray[np.bool_], network: PatchNetwork, max_voxels: int
) -> list[Box]:
    """What the second stage looks at one after the other: all at once, or where there is lung."""
    if network.reach is None:
        return [patch.core]
    own = blocks_in(blocks, patch.core, network.stride)
    parts = cover_blocks(own, stride=network.stride, context=network.reach, max_voxels=max_voxels)
    return [part.core for part in parts]


def _put(result: torch.Tensor, box: Box, logits: torch.Tensor) -> None:
    """Write the probabilities of a box that may end beyond the volume."""
    place = result[box]
    x, y, z = place.shape
    torch.sigmoid(logits[:x, :y, :z].float().cpu(), out=place)
