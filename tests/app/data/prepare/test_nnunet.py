"""nnU-Net's data folders, from a cache and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from click.testing import CliRunner, Result

from nodulus.app.commands.root import cli
from nodulus.app.data.phantom.dataset import DatasetPlan, write_dataset
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import Study, read_data_dir
from tests.lidc_shapes import needs_lidc_shapes

pytestmark = needs_lidc_shapes


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def prepared(kind: str, source: Path, cache: Path, *more: object) -> Result:
    return run("prepare", kind, source, "-o", cache, "--workers", 1, "--spacing-mm", 3, *more)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small phantoms, prepared from their images and masks."""
    root = tmp_path_factory.mktemp("nnunet")
    for _ in write_dataset(DatasetPlan(root / "phantom", 12, PhantomRecipe.small()), 3):
        pass
    images = root / "images"
    images.mkdir()
    for number, file in enumerate(sorted((root / "phantom").glob("luna16/subset*/*.mhd"))):
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(file)), str(images / f"s{number}.nii.gz"))
        mask = root / "phantom" / "masks" / f"{file.stem}.nii.gz"
        (root / "masks").mkdir(exist_ok=True)
        (root / "masks" / f"s{number}.nii.gz").write_bytes(mask.read_bytes())
    done = prepared("folder", images, root / "cache", "--masks", root / "masks")
    assert (root / "cache" / "cache.json").is_file(), done.output
    return root / "cache"


@pytest.fixture(scope="module")
def dataset(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("raw")
    split = {"version": 2, "patients": {"s0": "training", "s1": "validation", "s2": "test"}}
    (cache / "splits.json").write_text(json.dumps(split))
    done = run("prepare", "to-nnunet", cache, "-o", raw, "--id", 501, "--name", "Nodules")
    assert done.exit_code == 0, done.output
    assert "1 scans train, 1 validate, 1 are kept for test" in done.output
    return raw / "Dataset501_Nodules"


def studies(cache: Path) -> dict[str, Study]:
    return {study.series_uid: study for study in read_data_dir(cache)}


def test_the_folder_has_nnunets_form(dataset: Path) -> None:
    files = {str(f.relative_to(dataset)) for f in dataset.rglob("*") if f.is_file()}
    assert files == {
        "dataset.json", "splits_final.json",
        "imagesTr/s0_0000.nii.gz", "imagesTr/s1_0000.nii.gz", "imagesTs/s2_0000.nii.gz",
        "labelsTr/s0.nii.gz", "labelsTr/s1.nii.gz", "labelsTs/s2.nii.gz",
    }  # fmt: skip
    described = json.loads((dataset / "dataset.json").read_text())
    assert described == {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "nodule": 1, "ignore": 2},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    folds = json.loads((dataset / "splits_final.json").read_text())
    assert folds == [{"train": ["s0"], "val": ["s1"]}]


def test_voxels_and_place_are_those_of_the_cache(dataset: Path, cache: Path) -> None:
    study = studies(cache)["s0"]
    assert study.prepared is not None
    item: dict[str, Any] = load_prepared(study.prepared.path)
    image = nibabel.load(dataset / "imagesTr" / "s0_0000.nii.gz")
    label = nibabel.load(dataset / "labelsTr" / "s0.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj), np.asarray(item["image"][0]))
    assert np.allclose(image.affine, np.asarray(item["affine"]), atol=1e-4)
    assert np.allclose(label.affine, image.affine)
    drawn, kinds = np.asarray(item["label"][0]), np.asarray(label.dataobj)
    assert np.array_equal(kinds == 1, (drawn > 0) & (drawn < 255))
    assert np.array_equal(kinds == 2, drawn == 255)


def test_a_data_folder_is_prepared_back(dataset: Path, cache: Path, tmp_path: Path) -> None:
    table = tmp_path / "patients.csv"
    table.write_text("seriesuid,patient,marked\ns0,one,partly\ns1,two,complete\n")
    done = prepared("nnunet", dataset, tmp_path / "back", "--patients", table)
    assert done.exit_code == 0, done.output
    back, before = studies(tmp_path / "back"), studies(cache)
    assert set(back) == {"s0", "s1"}
    assert back["s0"].is_partly_marked
    assert back["s0"].patient_id != back["s1"].patient_id
    for name, study in back.items():
        assert len(study.nodules) == len(before[name].nodules)
        for nodule in study.nodules:
            near = min(
                float(np.linalg.norm(np.subtract(nodule.center_lps_mm, known.center_lps_mm)))
                for known in before[name].nodules
            )
            assert near < 3.0


def test_a_case_without_a_label_is_a_problem(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "Dataset502_Less"
    for file in dataset.rglob("*.*"):
        if file.is_file() and file.name != "s1.nii.gz":
            to = copy / file.relative_to(dataset)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(file.read_bytes())
    done = prepared("nnunet", copy, tmp_path / "back")
    assert done.exit_code == 1
    assert "there is no labelsTr/s1.nii.gz" in done.output
    assert set(studies(tmp_path / "back")) == {"s0"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel_names": {"0": "T1", "1": "T2"}}, "not one that is called CT"),
        ({"labels": {"background": 0, "lobe": 1, "heart": 2}}, "it outlines 'lobe', 'heart'"),
        ({"file_ending": ".png"}, "no format of CT volumes"),
        ({"labels": None}, "no dataset.json of nnU-Net v2"),
    ],
)
def test_what_is_no_ct_of_nodules_is_refused(
    dataset: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    described = {**json.loads((dataset / "dataset.json").read_text()), **change}
    (tmp_path / "dataset.json").write_text(json.dumps(described))
    done = prepared("nnunet", tmp_path, tmp_path / "back")
    assert done.exit_code == 1
    assert message in str(done.exception) + done.output


def test_a_cache_without_a_split_is_refused(cache: Path, tmp_path: Path) -> None:
    missing = tmp_path / "splits.json"
    done = run("prepare", "to-nnunet", cache, "-o", tmp_path, "--id", 1, "--splits-file", missing)
    assert done.exit_code == 1
    assert "no split of these patients" in str(done.exception) + done.output
    assert not (tmp_path / "Dataset001_LungNodules").exists()
