"""Painted tubes have their cross-section."""

import numpy as np
import pytest

from nodulus.app.data.phantom.tubes import paint_tubes
from nodulus.transforms.geometry import Geometry


def painted(start, end, radius, spacing=0.5):
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, spacing], [0, spacing, 0], [spacing, 0, 0]])
    geometry = Geometry((60, 60, 60), affine)
    volume = np.zeros(geometry.shape_irc, np.float32)

    def paint(box, covered):
        np.maximum(volume[box], covered, out=volume[box])

    rows = [np.atleast_2d(np.asarray(p, float)) for p in (start, end)]
    paint_tubes(geometry, *rows, np.array([radius]), np.array([radius]), paint)
    return volume


@pytest.mark.parametrize("radius", [0.1, 0.3, 1.0, 3.0])
def test_cross_section_holds_the_tubes_area(radius):
    volume = painted((15.1, 14.9, -20), (15.1, 14.9, 60), radius)
    assert volume[30].sum() * 0.25 == pytest.approx(np.pi * radius**2, rel=0.1)


def test_axes_are_x_y_z():
    volume = painted((5, 10, 20), (5, 10, 20.5), 0.3)
    assert np.unravel_index(volume.argmax(), volume.shape)[1:] == (20, 10)


def test_outside_of_the_volume_nothing_is_painted():
    assert painted((-30, 0, 0), (-20, 0, 0), 2.0).sum() == 0
