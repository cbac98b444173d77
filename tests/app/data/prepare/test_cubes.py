"""`nodulus prepare cubes`: nodules that were cut out of their scans."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from nodulus.app.commands.root import cli
from nodulus.app.data.lidc_labels.matching import center_xyz_mm
from nodulus.app.data.prepare.cubes import cube_geometry, load_cube
from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import read_data_dir
from nodulus.bundles.common.lidc.shapes import ShapeReference, all_references
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.patch_sampling import lps_to_voxel
from tests.lidc_shapes import needs_lidc_shapes

PLACES = np.array([[10.0, -20.0, 30.0], [-40.0, 50.0, -60.0]])


def archive(folder: Path, **changes: Any) -> Path:
    """Two cubes of anisotropic voxels with a bright voxel at the nodule."""
    hu = np.full((2, 16, 20, 20), -800, np.int16)
    hu[:, 8, 10, 10] = 900
    arrays = {
        "hu": hu,
        "spacing_zyx": np.array([[2.0, 0.7, 0.7], [1.0, 0.8, 0.8]]),
        "xyz": PLACES,
        "diameter_mm": np.array([6.0, 9.0]),
        "uid": np.array(["1.2.3.4.5", "1.2.3.4.5"]),
        "patient": np.array(["LIDC-IDRI-9001", "Jane Doe"]),
    } | changes
    np.savez(folder / "cubes.npz", **{k: v for k, v in arrays.items() if v is not None})
    return folder / "cubes.npz"


def prepare(file: Path, cache: Path) -> Result:
    arguments = ["prepare", "cubes", str(file), "-o", str(cache), "--workers", "1"]
    return CliRunner().invoke(cli, arguments)


def test_each_cube_is_a_study_with_its_nodule_in_the_middle(tmp_path):
    result = prepare(archive(tmp_path), tmp_path / "cache")
    assert result.exit_code == 0, result.output
    studies = read_data_dir(tmp_path / "cache")
    assert [s.series_uid for s in studies] == ["cube-1.2.3.4.5-1", "cube-1.2.3.4.5-2"]
    assert studies[0].patient_id == "LIDC-IDRI-9001"
    assert studies[1].patient_id.startswith("patient-")
    for study, place in zip(studies, PLACES, strict=True):
        (nodule,) = study.nodules
        assert nodule.center_lps_mm == pytest.approx(place)
        item = load_prepared(study.prepared.path)
        voxel = lps_to_voxel(place, item["affine"].numpy())
        brightest = np.unravel_index(int(item["image"][0].argmax()), item["image"].shape[1:])
        assert np.abs(voxel - brightest).max() < 0.75
        assert (item["lungs"] == 1).all()
        assert item["label"][(0, *brightest)] == 1
    assert read_data_dir(tmp_path / "cache")[0].prepared.has_label


def test_the_middle_voxel_lies_where_it_should():
    geometry = cube_geometry((16, 20, 22), (2.0, 0.7, 0.8), (10.0, -20.0, 30.0))
    assert geometry.index_to_lps([8, 10, 11]) == pytest.approx([10.0, -20.0, 30.0])
    assert geometry.index_to_lps([9, 11, 12]) == pytest.approx([10.8, -19.3, 32.0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patient": None}, "it lacks patient"),
        ({"uid": np.array(["1.2"])}, "its arrays have shapes"),
        ({"hu": np.zeros((2, 4, 4))}, "its arrays have shapes"),
    ],
)
def test_another_archive_is_refused_in_words(tmp_path, changes, words):
    result = prepare(archive(tmp_path, **changes), tmp_path / "cache")
    assert result.exit_code == 1
    assert words in " ".join(result.output.split())


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "cubes.npz").write_text("none")
    result = prepare(tmp_path / "cubes.npz", tmp_path / "cache")
    assert result.exit_code == 1
    assert "no NumPy archive" in " ".join(result.output.split())
    other = prepare(tmp_path / "other.npz", tmp_path / "cache")
    assert "no such file" in " ".join(other.output.split())


@needs_lidc_shapes
def test_nodules_of_lidc_idri_get_their_readers_ratings(tmp_path):
    reference = next(r for r in all_references() if r.readers == 4)
    annotation = reference.annotations[0]
    z = float(np.mean([a.center_xyz_mm[2] for a in reference.annotations]))
    uid = annotation.scan.series_uid
    file = archive(
        tmp_path,
        uid=np.array([uid, "1.2.3.4.5"]),
        xyz=np.array([[1.0, 2.0, z], [1.0, 2.0, z]]),
        diameter_mm=np.full(2, reference.diameter_mm),
    )
    assert prepare(file, tmp_path / "cache").exit_code == 0
    nodules = {s.series_uid: s.nodules[0] for s in read_data_dir(tmp_path / "cache")}
    rated = nodules[f"cube-{uid}-1"]
    assert rated.malignancy == reference.ratings.malignancy
    assert rated.lidc_nodule == reference.id
    assert nodules["cube-1.2.3.4.5-1"].malignancy is None


def two_nodules_of_a_series(within_mm: float) -> tuple[ShapeReference, ShapeReference]:
    """Nodules of one LIDC-IDRI series so near that a cube of one holds the other's middle."""
    for a, b in itertools.pairwise(all_references()):
        series = {reference.annotations[0].scan.series_uid for reference in (a, b)}
        apart = np.linalg.norm(center_xyz_mm(b) - center_xyz_mm(a))
        if len(series) == 1 and (a.diameter_mm + b.diameter_mm) / 2 + 4 < apart < within_mm:
            return a, b
    raise AssertionError("no two nodules are near each other")


@needs_lidc_shapes
def test_another_nodule_in_the_cube_is_no_background(tmp_path):
    middle, other = two_nodules_of_a_series(within_mm=14.0)
    hu = np.full((2, 40, 40, 40), -800, np.int16)
    file = archive(tmp_path, hu=hu, spacing_zyx=np.ones((2, 3)), xyz=np.zeros((2, 3)))
    place = center_xyz_mm(other) - center_xyz_mm(middle)
    known = load_cube(file, 0, middle, (other,)).labels
    unknown = load_cube(file, 0, None, (middle, other)).labels
    assert known is not None
    assert unknown is not None
    points = (
        np.moveaxis(np.indices(known.shape), 0, -1)[..., ::-1] - 20.0
    )  # x, y, z from the middle
    distance = np.linalg.norm(points - place, axis=-1)
    near, far = distance < other.diameter_mm / 2 + 2.5, distance > other.diameter_mm / 2 + 3.5
    assert not np.any(known[near] == 0)
    assert not np.any(known[far] == IGNORE_LABEL)
    assert np.all(unknown == IGNORE_LABEL)
