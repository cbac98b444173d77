"""Labels on the grid of the images that they were drawn on."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.slice_labels import labels_on_grid


def axial(slices: int, step_mm: float = 2.0, shape_rc: tuple[int, int] = (5, 6)) -> Geometry:
    return Geometry.from_dicom(
        (slices, *shape_rc), (1, 0, 0, 0, 1, 0), (10, 20, 30), (0, 0, step_mm), (0.5, 0.8)
    )


def numbered(images: int) -> np.ndarray:
    return np.tile(np.arange(1, images + 1, dtype=np.uint8)[:, None, None], (1, 5, 6))


def places(heights: list[float]) -> np.ndarray:
    return np.array([[10.0, 20.0, 30.0 + height] for height in heights])


def test_on_the_images_own_grid_nothing_changes() -> None:
    labels = numbered(4)
    assert labels_on_grid(labels, places([0, 2, 4, 6]), axial(4)) is labels


def test_images_in_another_order_are_sorted() -> None:
    result = labels_on_grid(numbered(3), places([4, 0, 2]), axial(3))
    assert result[:, 0, 0].tolist() == [2, 3, 1]


def test_a_missing_image_is_replaced_by_the_lower_neighbour() -> None:
    result = labels_on_grid(numbered(3), places([0, 4, 6]), axial(4))
    assert result[:, 0, 0].tolist() == [1, 1, 2, 3]


def test_uneven_images_give_the_nearest() -> None:
    result = labels_on_grid(numbered(3), places([0, 2.4, 6]), axial(4))
    assert result[:, 0, 0].tolist() == [1, 2, 2, 3]


def test_images_that_were_moved_take_their_labels_along() -> None:
    labels = np.zeros((3, 5, 6), dtype=np.uint8)
    labels[:, 1, 2] = [1, 2, 3]
    positions = places([0, 2, 4])
    positions[:, 1] += np.array([0, 0.52, 1.0])  # rows are 0.5 mm apart
    result = labels_on_grid(labels, positions, axial(3, shape_rc=(7, 6)))
    assert np.argwhere(result).tolist() == [[0, 1, 2], [1, 2, 2], [2, 3, 2]]
    positions[:, 1] -= 1.5
    result = labels_on_grid(labels, positions, axial(3, shape_rc=(3, 6)))
    assert np.argwhere(result).tolist() == [[2, 0, 2]]


def test_as_many_positions_as_images() -> None:
    with pytest.raises(ValueError, match="3 images with 2 positions"):
        labels_on_grid(numbered(3), places([0, 2]), axial(3))
