"""The pixels of a polygon, inside and on its line."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import ellipse_perimeter, polygon

from nodulus.transforms.polygons import polygon_pixels


def drawn(points: object, shape_rc: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    box, inside, line = polygon_pixels(points, shape_rc)  # type: ignore[arg-type]
    result = np.zeros((2, *shape_rc), dtype=bool)
    result[0][box], result[1][box] = inside, line
    return result[0], result[1]


def test_line_and_inside_are_apart() -> None:
    inside, line = drawn([[1, 1], [1, 4], [4, 4], [4, 1]], (6, 6))
    assert np.argwhere(inside).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    assert line.sum() == 12


def test_a_line_half_way_between_pixels_goes_through_none() -> None:
    inside, line = drawn([[0.5, 0.5], [0.5, 3.5], [2.5, 3.5], [2.5, 0.5]], (6, 6))
    assert inside.sum() == 6
    assert not line.any()


def test_rounding_errors_do_not_move_a_pixel_off_the_line() -> None:
    corners = np.array([[0, 0], [0, 3], [3, 3], [3, 0]]) * 0.1 / 0.1 + 1e-9
    inside, line = drawn(corners, (5, 5))
    assert inside.sum() == 4
    assert line.sum() == 12


def test_what_lies_outside_the_image_is_cut_off() -> None:
    inside, _ = drawn([[-3, -3], [-3, 1.5], [1.5, 1.5], [1.5, -3]], (5, 5))
    assert np.argwhere(inside).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    inside, line = drawn([[7, 7], [7, 9], [9, 9]], (5, 5))
    assert not inside.any()
    assert not line.any()


def test_a_single_point_is_a_pixel_of_the_line() -> None:
    inside, line = drawn([[2, 3]], (5, 5))
    assert not inside.any()
    assert np.argwhere(line).tolist() == [[2, 3]]


@pytest.mark.parametrize("points", [[], [1, 2, 3], [[1, 2, 3]], [[0, 0], [np.nan, 1], [2, 2]]])
def test_what_is_no_list_of_points_is_refused(points: object) -> None:
    with pytest.raises(ValueError, match="point"):
        polygon_pixels(points, (5, 5))  # type: ignore[arg-type]


def test_agrees_with_skimage_draw_on_a_real_outline() -> None:
    rows, columns = ellipse_perimeter(20, 24, 9, 14)
    angle = np.arctan2(rows - 20, columns - 24)
    order = np.argsort(angle)
    corners = np.column_stack([rows, columns])[order]
    inside, line = drawn(corners, (40, 50))
    filled = np.zeros((40, 50), dtype=bool)
    filled[polygon(*corners.T, (40, 50))] = True
    filled[rows, columns] = True
    np.testing.assert_array_equal(inside | line, filled)
    assert line[rows, columns].all()
