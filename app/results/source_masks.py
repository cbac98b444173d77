"""The label volume on the slices of the source, so that a mask overlays exactly."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from nodulus.app.results.label_boxes import Labels, boxes_by_label
from nodulus.app.results.sources import SourceHeaders
from nodulus.transforms.geometry import Geometry


def labels_on_source(
    labels: Labels,
    geometry: Geometry,
    sources: SourceHeaders,
    *,
    is_source_grid: bool,
    finding_ids: Collection[int],
) -> Labels:
    """Give the labels plane by plane in the order of the source's own images or frames.

    On the source's grid slice i is the mask of source image i. Else (a tilted gantry, slices
    that were interpolated) each source slice takes, pixel by pixel, the label of the voxel that
    its centre lies in (nearest neighbour), in patient LPS mm.

    Args:
        labels: shape (I, R, C), 0 or a finding id.
        geometry: shape and place of ``labels``.
        sources: the headers of the source.
        is_source_grid: slice i of ``labels`` is source image i, untouched.
        finding_ids: labels that are not among these become 0.

    Returns:
        Shape (planes, R, C) of the source, the type of ``labels``; a view of them where they are in
        this order already.

    Raises:
        ValueError: the volume says that it is on the source's grid and its shape denies it.
    """
    labels = _known_only(labels, finding_ids)
    rows, columns = sources.geometries[0].shape_irc[1:]
    if is_source_grid:
        expected = (len(sources.planes), rows, columns)
        if labels.shape != expected:
            raise ValueError(f"labels have shape {labels.shape}, the source images {expected}")
        if sources.planes == tuple(range(sources.plane_count)):
            return labels
    planes = np.zeros((sources.plane_count, rows, columns), dtype=labels.dtype)
    if is_source_grid:
        planes[list(sources.planes)] = labels
        return planes
    boxes = boxes_by_label(labels).values()
    for plane, slice_geometry in zip(sources.planes, sources.geometries, strict=True):
        for box in boxes:
            _sample_box(labels, geometry, box, slice_geometry, planes[plane])
    return planes


def _known_only(labels: Labels, finding_ids: Collection[int]) -> Labels:
    known = np.zeros(max(int(labels.max(initial=0)), *finding_ids, 0) + 1, dtype=bool)
    known[list(finding_ids)] = True
    return labels if known[1:].all() else np.where(known[labels], labels, 0).astype(labels.dtype)


def _sample_box(
    labels: Labels,
    geometry: Geometry,
    box: tuple[slice, ...],
    slice_geometry: Geometry,
    plane: Labels,
) -> None:
    """Sample the part of a source slice on which one label's bounding box can lie."""
    low = np.array([part.start for part in box]) - 0.5
    high = np.array([part.stop for part in box]) - 0.5
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    on_slice = slice_geometry.lps_to_index(geometry.index_to_lps(corners))
    depth_mm, span = on_slice[:, 0], on_slice[:, 1:]
    if depth_mm.min() > 0 or depth_mm.max() < 0:
        return
    start = np.maximum(np.floor(span.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(span.max(axis=0)) + 1, plane.shape).astype(int)
    if np.any(stop <= start):
        return
    grid = np.stack(
        np.meshgrid(np.arange(start[0], stop[0]), np.arange(start[1], stop[1]), indexing="ij"),
        axis=-1,
    )
    index = np.concatenate([np.zeros((*grid.shape[:2], 1)), grid], axis=-1)
    in_labels = geometry.lps_to_index(slice_geometry.index_to_lps(index))
    # A hair towards the lower voxel: a slice exactly between two takes one of them, always.
    nearest = np.floor(in_labels + 0.5 - 1e-6).astype(int)
    inside = np.all((nearest >= 0) & (nearest < labels.shape), axis=-1)
    values = np.zeros(inside.shape, dtype=labels.dtype)
    values[inside] = labels[tuple(nearest[inside].T)]
    view = plane[start[0] : stop[0], start[1] : stop[1]]
    np.copyto(view, values, where=values > 0)
