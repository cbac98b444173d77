"""One volume as mhd, NRRD, NIfTI and DICOM: the same voxel is at the same millimetres."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nodulus.app.reading import load_volume
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry

from .dicom_factory import body_hu, write_multiframe, write_series


def direction(quaternion: tuple[float, ...], mirrored: bool) -> np.ndarray:
    """A rotation from four numbers, as columns x, y, z; mirrored in z for a left-handed grid."""
    w, x, y, z = np.array(quaternion) / np.linalg.norm(quaternion)
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return matrix * [1, 1, -1] if mirrored else matrix


# Shrinking would write hundreds of series; the first failing example says enough.
@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(
    quaternion=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    mirrored=st.booleans(),
    spacing=st.tuples(st.floats(0.4, 2), st.floats(0.4, 2), st.floats(9.1, 10)),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_same_point_in_every_format(
    tmp_path_factory: pytest.TempPathFactory,
    quaternion: tuple[float, float, float, float],
    mirrored: bool,
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    hu = body_hu((11, 6, 5))
    axes = direction(quaternion, mirrored)
    truth = Geometry.from_itk((5, 6, 11), spacing, origin, axes)
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(axes.ravel().tolist())
    sitk.WriteImage(image, str(folder / "a.mhd"))
    sitk.WriteImage(image, str(folder / "a.nrrd"))
    affine_xyz = np.eye(4)
    affine_xyz[:3, :3] = axes * spacing
    affine_xyz[:3, 3] = origin
    nibabel.save(nibabel.Nifti1Image(hu.T, LPS_TO_RAS @ affine_xyz), folder / "a.nii.gz")
    knobs = {
        "orientation": [*axes[:, 0], *axes[:, 1]],
        "spacing_mm": (spacing[1], spacing[0]),
        "first_lps_mm": origin,
    }
    # DICOM counts along the normal; a mirrored grid is the same images, counted the other way.
    step = -spacing[2] if mirrored else spacing[2]
    write_series(folder / "dicom", hu, step_mm=step, **knobs)
    write_multiframe(folder / "e.dcm", hu, step_mm=step, **knobs)

    index = np.array([[0, 0, 0], [10, 5, 4], [3, 1, 2], [7, 4, 0]])
    points = truth.index_to_lps(index)
    values = hu[tuple(index.T)]
    for name in ("a.mhd", "a.nrrd", "a.nii.gz", "dicom", "e.dcm"):
        volume = load_volume(folder / name)
        found = volume.geometry.lps_to_index(points)
        assert np.allclose(found, np.rint(found), atol=2e-3), name
        assert np.array_equal(volume.hu[tuple(np.rint(found).astype(int).T)], values), name
        if not name.startswith(("dicom", "e.")):
            assert np.allclose(found, index, atol=2e-3), name
