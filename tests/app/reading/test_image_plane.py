"""An image that is turned into the plane that all share keeps its middle."""

from __future__ import annotations

import numpy as np

from nodulus.app.reading.image_plane import ImagePlane, angle_degrees


def middle(corner: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Of an image of 11 rows, 4 mm apart, and 31 columns, 0.5 mm apart."""
    return corner + column * 10 / 2 * 4.0 + row * 30 / 2 * 0.5


def test_an_image_is_turned_about_its_middle() -> None:
    plane = ImagePlane.from_orientation((11, 31), (4.0, 0.5), (1, 0, 0, 0, 1, 0))
    a, b = np.deg2rad(0.3), np.deg2rad(0.2)
    row = np.array([np.cos(a), np.sin(a), 0.0])
    column = np.array([-np.sin(a) * np.cos(b), np.cos(a) * np.cos(b), np.sin(b)])
    corner = np.array([-80.0, -70.0, 33.0])
    turned = corner + plane.shift_from((*row, *column))
    np.testing.assert_allclose(
        middle(turned, plane.row, plane.column), middle(corner, row, column), atol=1e-12
    )
    assert np.linalg.norm(turned - corner) > 0.05


def test_the_larger_of_both_angles_counts() -> None:
    c, s = np.cos(np.deg2rad(2.0)), np.sin(np.deg2rad(2.0))
    axial = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert abs(angle_degrees(axial, (2 * c, 0.0, 2 * s, 0.0, 3.0, 0.0)) - 2.0) < 1e-9
    assert angle_degrees(axial, axial) == 0.0
    assert angle_degrees(axial, None) == 180.0
    assert angle_degrees(None, None) == 0.0


def test_directions_without_length_are_alike_or_they_are_not() -> None:
    axial, none = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert angle_degrees(none, none) == 0.0
    assert angle_degrees(none, axial) == 180.0
    assert angle_degrees(axial, none) == 180.0
