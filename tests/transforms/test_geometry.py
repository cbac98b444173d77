"""Index and millimetres, LPS and RAS: against ITK, nibabel and the standard."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from nodulus.transforms.geometry import Geometry, apply_affine, ras_to_lps

coordinates = st.floats(-1000, 1000, allow_nan=False, width=32)
spacings = st.floats(0.2, 6.0)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """Any orthonormal direction matrix, flips included, any spacing and origin."""
    turn = Rotation.from_euler("xyz", [draw(st.floats(-180, 180)) for _ in range(3)], degrees=True)
    flips = np.diag([draw(st.sampled_from([-1.0, 1.0])) for _ in range(3)])
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() @ flips * [draw(spacings) for _ in range(3)]
    affine[:3, 3] = [draw(coordinates) for _ in range(3)]
    shape = tuple(draw(st.integers(1, 40)) for _ in range(3))
    return Geometry(shape, affine)


points = arrays(np.float64, (7, 3), elements=st.floats(-500, 500, allow_nan=False))


@given(geometries(), points)
def test_index_to_lps_and_back_is_the_identity(geometry: Geometry, index: np.ndarray) -> None:
    np.testing.assert_allclose(
        geometry.lps_to_index(geometry.index_to_lps(index)), index, atol=1e-6
    )


@given(geometries(), points)
def test_lps_and_ras_differ_by_the_sign_of_x_and_y(geometry: Geometry, index: np.ndarray) -> None:
    lps, ras = geometry.index_to_lps(index), apply_affine(geometry.affine_ras, index)
    np.testing.assert_allclose(ras, lps * [-1, -1, 1], atol=1e-9)
    np.testing.assert_allclose(ras_to_lps(ras), lps, atol=1e-9)


@settings(max_examples=25)
@given(geometry=geometries())
def test_itk_agrees(geometry: Geometry) -> None:
    image = sitk.Image(*reversed(geometry.shape_irc), sitk.sitkInt16)
    image.SetSpacing(tuple(reversed(geometry.spacing_irc_mm)))
    image.SetOrigin(tuple(geometry.affine_lps[:3, 3]))
    image.SetDirection(geometry.direction_irc[:, ::-1].ravel())
    again = Geometry.from_itk(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
    assert again.almost_equal(geometry, 1e-6)
    index = np.array([n // 2 for n in geometry.shape_irc])
    expected = image.TransformIndexToPhysicalPoint([int(n) for n in index[::-1]])
    np.testing.assert_allclose(geometry.index_to_lps(index), expected, atol=1e-5)


@settings(max_examples=25)
@given(geometry=geometries())
def test_nibabel_agrees(geometry: Geometry) -> None:
    image = nib.Nifti1Image(np.zeros(geometry.shape_irc, np.int16), geometry.affine_ras)
    index = (1.0, 2.0, 3.0)
    np.testing.assert_allclose(
        nib.affines.apply_affine(image.affine, index),
        geometry.index_to_lps(index) * [-1, -1, 1],
        atol=1e-5,
    )


def test_from_dicom_is_the_equation_of_the_standard() -> None:
    # Rows 0.7 mm apart, columns 0.5 mm: PixelSpacing names the rows' distance first.
    geometry = Geometry.from_dicom(
        (4, 5, 6), [1, 0, 0, 0, 1, 0], [-10, -20, 30], [0, 0, 2], [0.7, 0.5]
    )
    assert geometry.spacing_irc_mm == pytest.approx((2.0, 0.7, 0.5))
    np.testing.assert_allclose(geometry.index_to_lps([3, 2, 4]), [-10 + 4 * 0.5, -20 + 2 * 0.7, 36])


@given(geometries(), st.tuples(*[st.integers(0, 5)] * 3))
def test_a_crop_keeps_every_voxel_in_its_place(
    geometry: Geometry, start: tuple[int, int, int]
) -> None:
    crop = geometry.cropped(start, (1, 1, 1))
    np.testing.assert_allclose(
        crop.index_to_lps([0, 0, 0]), geometry.index_to_lps(start), atol=1e-6
    )


def test_contains_goes_to_the_outer_edge_of_the_voxels() -> None:
    geometry = Geometry((2, 3, 4), np.eye(4))
    inside = geometry.contains([[-0.5, 0, 0], [1.49, 2.49, 3.49], [1.5, 0, 0], [0, 0, -0.51]])
    assert inside.tolist() == [True, True, False, False]


def test_voxel_volume_of_a_sheared_grid() -> None:
    affine = np.diag([2.0, 1.0, 1.0, 1.0])
    affine[1, 0] = 5.0  # slices slide along rows: volume stays
    assert Geometry((2, 2, 2), affine).voxel_volume_mm3 == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("affine", "message"),
    [
        (np.zeros((4, 4)), "last row"),
        (np.diag([1.0, 1.0, 0.0, 1.0]), "singular"),
        (np.full((4, 4), np.nan), "finite"),
        (np.eye(3), "4x4"),
    ],
)
def test_impossible_affines_are_refused(affine: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Geometry((1, 1, 1), affine)


def test_points_must_have_three_coordinates() -> None:
    with pytest.raises(ValueError, match=r"\(2,\)"):
        apply_affine(np.eye(4), [1.0, 2.0])
