"""Labels drawn on a series' own images, carried to the even grid of its volume."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry

Labels = NDArray[np.unsignedinteger[Any]]


def labels_on_grid(
    labels: Labels, positions_lps_mm: NDArray[np.float64], geometry: Geometry
) -> Labels:
    """Give each slice of a volume the labels of the nearest image.

    On the images' own grid nothing changes. Slices that were interpolated (uneven or missing
    images) take the nearest image, the lower one of two that are as near; images that were moved
    in their plane (a tilted gantry) are moved by whole pixels.

    Args:
        labels: shape (K, R, C), on the images.
        positions_lps_mm: shape (K, 3), ImagePositionPatient of each image.
        geometry: of the volume; its rows and columns run along those of the images.

    Returns:
        Shape ``geometry.shape_irc``, the type of ``labels``.

    Raises:
        ValueError: the number of images and positions differ.
    """
    if len(labels) != len(positions_lps_mm):
        raise ValueError(f"{len(labels)} images with {len(positions_lps_mm)} positions")
    places = geometry.lps_to_index(positions_lps_mm)
    moves = np.rint(places[:, 1:]).astype(int)
    slices, rows, columns = geometry.shape_irc
    # A hair towards the lower image: one exactly between two takes the same, always.
    order = np.argsort(places[:, 0])
    distance = np.abs(places[order, 0] - (np.arange(slices)[:, np.newaxis] - 1e-6))
    nearest = order[np.argmin(distance, axis=1)]
    if not moves.any() and labels.shape[1:] == (rows, columns):
        return labels if np.array_equal(nearest, np.arange(len(labels))) else labels[nearest]
    result = np.zeros(geometry.shape_irc, dtype=labels.dtype)
    for target, image in zip(result, nearest, strict=True):
        row, column = moves[image]
        source = labels[image, max(0, -row) : rows - row, max(0, -column) : columns - column]
        row, column = max(0, row), max(0, column)
        target[row : row + source.shape[0], column : column + source.shape[1]] = source
    return result
