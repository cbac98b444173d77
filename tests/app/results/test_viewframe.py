"""Planes of a view: convention, corners and sampling."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame, whole_frame
from nodulus.transforms.geometry import Geometry


def ramp(geometry: Geometry, axis: int) -> np.ndarray:
    """A volume whose value is its own LPS coordinate."""
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape_irc), indexing="ij"), axis=-1)
    return geometry.index_to_lps(index)[..., axis].astype(np.float32)


OBLIQUE = Geometry.from_dicom(
    (60, 70, 80),
    (0.8, 0.6, 0.0, -0.36, 0.48, 0.8),
    (10.0, -60.0, -90.0),
    tuple(1.5 * np.cross((0.8, 0.6, 0.0), (-0.36, 0.48, 0.8))),
    (1.2, 1.1),
)
FLIPPED = Geometry.from_dicom(
    (60, 70, 80), (-1, 0, 0, 0, -1, 0), (40.0, 40.0, 60.0), (0, 0, -2.0), (1.2, 1.1)
)


@pytest.mark.parametrize("geometry", [OBLIQUE, FLIPPED], ids=["oblique", "flipped"])
@pytest.mark.parametrize(
    ("plane", "right_axis", "right_sign", "down_axis", "down_sign"),
    [
        (AnatomicalPlane.AXIAL, 0, 1, 1, 1),  # patient's left on the right, back below
        (AnatomicalPlane.CORONAL, 0, 1, 2, -1),  # patient's left on the right, feet below
        (AnatomicalPlane.SAGITTAL, 1, 1, 2, -1),  # back on the right, feet below
    ],
)
def test_radiological_convention(
    geometry: Geometry,
    plane: AnatomicalPlane,
    right_axis: int,
    right_sign: int,
    down_axis: int,
    down_sign: int,
) -> None:
    center = tuple(geometry.index_to_lps((30, 35, 40)))
    frame = ViewFrame(plane, center, 0.5, 21, 11)
    across = frame.sample(ramp(geometry, right_axis), geometry)
    below = frame.sample(ramp(geometry, down_axis), geometry)
    np.testing.assert_allclose(np.diff(across, axis=1), right_sign * 0.5, atol=1e-3)
    np.testing.assert_allclose(np.diff(below, axis=0), down_sign * 0.5, atol=1e-3)
    assert across[5, 10] == pytest.approx(center[right_axis], abs=1e-3)


def test_projection_is_the_inverse_of_sampling() -> None:
    frame = ViewFrame(AnatomicalPlane.CORONAL, (10.0, 20.0, 30.0), 0.5, 21, 11)
    x, y, depth = frame.to_pixels((12.0, 25.0, 29.0))
    assert (x, y, depth) == pytest.approx((14.0, 7.0, 10.0))


def test_whole_frame_holds_every_corner() -> None:
    frame = whole_frame(AnatomicalPlane.AXIAL, OBLIQUE, (0.0, 0.0, -50.0), longest_side=100)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in OBLIQUE.shape_irc])).reshape(3, -1).T
    pixels = frame.to_pixels(OBLIQUE.index_to_lps(corners))
    assert pixels[:, :2].min() >= -0.5
    assert np.all(pixels[:, 0] <= frame.width)
    assert np.all(pixels[:, 1] <= frame.height)
    assert frame.center_lps_mm[2] == pytest.approx(-50.0)
    assert max(frame.width, frame.height) == 100


@pytest.mark.parametrize("plane", list(AnatomicalPlane))
@pytest.mark.parametrize("center", [(0.0, 0.0, 0.0), (38.0, 20.0, -55.0), (500.0, 0.0, 0.0)])
@pytest.mark.parametrize("slices", [60, 1])
def test_sampling_along_the_axes_is_scipys(
    plane: AnatomicalPlane,
    center: tuple[float, float, float],
    slices: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    hu = rng.integers(-1000, 1000, (slices, 70, 80)).astype(np.int16)
    geometry = FLIPPED.cropped((0, 0, 0), hu.shape)
    frame = ViewFrame(plane, center, 0.7, 90, 110)
    quick = frame.sample(hu, geometry, outside=-1024, depth_mm=0.3)
    monkeypatch.setattr("nodulus.app.results.viewframe._only_axis", lambda step: None)
    plain = frame.sample(hu, geometry, outside=-1024, depth_mm=0.3)
    assert quick.shape == plain.shape == (110, 90)
    assert quick.dtype == np.float32
    np.testing.assert_allclose(quick, plain, atol=1e-3)
    assert (plain != -1024).any() == (center[0] < 100 and slices > 1)
