"""Training, a bundle's inference and the chain give the networks the same voxels, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.bundle import ConfigParser

from nodulus.app.chain import ScanViews, load_settings
from nodulus.app.reading import load_volume
from nodulus.bundles.common.data.prepared import (
    CACHE_VERSION,
    load_prepared,
    network_space,
    preparation,
    save_prepared,
)
from nodulus.transforms.lungs import find_lungs
from nodulus.transforms.network_space import NetworkSpaced
from tests.transforms.chest import chest
from tests.transforms.test_network_space import as_image

GEOMETRIES = {
    "axial": ((0.83, 0.83, 1.25), np.eye(3)),
    "coarse": ((2.5, 2.5, 2.5), np.eye(3)),
    "head first": ((0.7, 0.9, 3.1), np.diag([1.0, 1.0, -1.0])),
    "prone": ((0.97, 0.97, 2.0), np.diag([-1.0, -1.0, 1.0])),
    "oblique": ((1.1, 1.1, 2.1), None),
    "sagittal": ((1.3, 1.1, 2.3), np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])),
}


def write_scan(path: Path, spacing: tuple[float, float, float], axes: np.ndarray | None) -> Path:
    """A chest of ellipses, sampled on another grid."""
    hu, _, _ = chest()
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((2.5, 2.5, 2.5))
    if axes is None:
        turn = sitk.Euler3DTransform()
        turn.SetRotation(0.05, -0.08, 0.11)
        axes = np.asarray(turn.GetMatrix()).reshape(3, 3)
    extent = np.abs(axes.T @ np.array([400.0, 325.0, 250.0]))
    size = [int(n) for n in np.ceil(extent / spacing)]
    middle = np.array([198.75, 161.25, 123.75])
    origin = middle - axes @ ((np.array(size) - 1) / 2 * spacing)
    target = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, origin.tolist(), spacing,
        axes.ravel().tolist(), -1000.0, sitk.sitkInt16,
    )  # fmt: skip
    sitk.WriteImage(target, str(path))
    return path


@pytest.mark.parametrize(
    ("name", "spacing_mm"),
    [
        *((name, 2.5) for name in GEOMETRIES if name != "axial"),
        ("coarse", 1.0),
        # Of thin slices, which take most of the time.
        *(pytest.param("axial", mm, marks=pytest.mark.slow) for mm in (2.5, 1.0)),
    ],
)
def test_the_same_voxels_in_training_and_inference(
    name: str, spacing_mm: float, tmp_path: Path, bundles: Path
) -> None:
    path = write_scan(tmp_path / "scan.mhd", *GEOMETRIES[name])
    volume = load_volume(path)
    lungs = find_lungs(volume.hu, volume.geometry)
    assert lungs is not None
    scan = ScanViews(volume, lungs, load_settings().pipeline.lung_margin_mm)
    view = scan.isotropic(spacing_mm)

    item = preparation(spacing_mm)({"image": str(path)})
    assert torch.equal(item["image"].as_tensor(), view.hu)
    np.testing.assert_array_equal(item["affine"].numpy(), view.affine_ras)
    np.testing.assert_array_equal(item["lungs"][0].numpy() > 0, scan.region_on(view.geometry))

    save_prepared(item, tmp_path / "item.pt")
    saved = load_prepared(tmp_path / "item.pt")["image"]
    assert saved.dtype == torch.int16
    assert torch.equal(saved, view.hu.round().clamp(-1024, 3071).short())

    config = ConfigParser()
    config.read_config(str(bundles / "segmentation" / "configs" / "inference.json"))
    config["spacing_mm"] = spacing_mm
    config["bundle_root"] = str(bundles / "segmentation")
    steps = config.get_parsed_content("preprocessing").transforms
    end = next(n for n, step in enumerate(steps) if isinstance(step, NetworkSpaced)) + 1
    given = {"image": str(path)}
    for step in steps[:end]:
        given = step(given)
    assert torch.equal(given["image"].as_tensor(), view.hu)


def test_values_that_are_no_whole_hounsfield_units_are_not_cut_off(tmp_path: Path) -> None:
    path = write_scan(tmp_path / "scan.mhd", *GEOMETRIES["coarse"])
    image = sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat32) + 0.6
    other = tmp_path / "fractions.nrrd"
    sitk.WriteImage(image, str(other))
    volume = load_volume(other)
    assert volume.hu.dtype == np.float32
    lungs = find_lungs(volume.hu, volume.geometry)
    item = preparation(2.5)({"image": str(other)})
    view = ScanViews(volume, lungs, load_settings().pipeline.lung_margin_mm).isotropic(2.5)
    assert torch.equal(item["image"].as_tensor(), view.hu)


def test_a_cache_of_other_crops_has_another_version() -> None:
    hu, geometry, _ = chest()
    item = network_space(2.0)({"image": as_image(hu, geometry)})
    corner = item["affine"][:3, 3].tolist()
    made = (CACHE_VERSION, tuple(item["image"].shape), corner, int(item["lungs"].sum()))
    assert made == (5, (1, 160, 111, 125), [-160.25, -110.25, -120.25], 532434), (
        "the crop or the lungs' region is another one: raise CACHE_VERSION, then correct this line"
    )
