"""A data set of phantoms in LUNA16's form: files, tables, and what is made only once."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nodulus.app.data.phantom.dataset import (
    DatasetPlan,
    PhantomFormat,
    is_complete,
    make_one,
    with_nodules,
    write_dataset,
)
from nodulus.app.data.phantom.phantom_tables import finding_rows
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.phantom.write_dicom import write_dicom
from nodulus.transforms.geometry import Geometry


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def dicom_slices(root: Path, uid: str) -> list[pydicom.Dataset]:
    files = sorted(root.glob(f"dicom/*/*/{uid}/*.dcm"))
    return sorted(map(pydicom.dcmread, files), key=lambda d: float(d.ImagePositionPatient[2]))


def test_headers_are_those_of_luna16(small_plan):
    luna = small_plan.root / "luna16"
    first = [
        (luna / n).read_text().splitlines()[0] for n in ("annotations.csv", "candidates_V2.csv")
    ]
    assert first == [
        "seriesuid,coordX,coordY,coordZ,diameter_mm",
        "seriesuid,coordX,coordY,coordZ,class",
    ]
    uids = (luna / "seriesuids.csv").read_text().split()
    assert uids == [r["series_uid"] for r in rows(small_plan.root / "studies.csv")]
    assert len(set(uids)) == 2


def test_subsets_are_dealt_by_index(small_plan):
    for row in rows(small_plan.root / "studies.csv"):
        subset = small_plan.root / "luna16" / f"subset{row['study_index']}"
        assert (subset / f"{row['series_uid']}.raw").is_file()


def test_mhd_dicom_and_nifti_agree(small_plan, mhd_copy):
    uid = mhd_copy.stem
    image = sitk.ReadImage(str(mhd_copy))
    from_mhd = Geometry.from_itk(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
    slices = dicom_slices(small_plan.root, uid)
    first, second = slices[:2]
    step = np.subtract(second.ImagePositionPatient, first.ImagePositionPatient)
    shape = (len(slices), first.Rows, first.Columns)
    from_dicom = Geometry.from_dicom(
        shape, first.ImageOrientationPatient, first.ImagePositionPatient, step, first.PixelSpacing
    )
    assert from_dicom.almost_equal(from_mhd, 0.01)
    mask = nib.load(small_plan.root / "masks" / f"{uid}.nii.gz")
    assert mask.shape == image.GetSize()
    np.testing.assert_allclose(mask.affine[:, [2, 1, 0, 3]], from_mhd.affine_ras, atol=1e-3)
    hu = sitk.GetArrayFromImage(image)
    stored = np.stack([d.pixel_array.astype(int) + int(d.RescaleIntercept) for d in slices])
    np.testing.assert_array_equal(stored, np.maximum(hu, -1024))


def test_centroids_of_the_masks_are_the_annotations(small_plan):
    nodules = rows(small_plan.root / "nodules.csv")
    annotations = rows(small_plan.root / "luna16" / "annotations.csv")
    assert len(nodules) == len(annotations) >= 2
    for nodule, annotation in zip(nodules, annotations, strict=True):
        mask = nib.load(small_plan.root / "masks" / f"{nodule['series_uid']}.nii.gz")
        index = np.argwhere(np.asarray(mask.dataobj) == int(nodule["label"]))
        ras = nib.affines.apply_affine(mask.affine, index.mean(axis=0))
        lps = ras * (-1, -1, 1)
        np.testing.assert_allclose([float(annotation[f"coord{a}"]) for a in "XYZ"], lps, atol=0.01)
        voxel_mm3 = abs(np.linalg.det(mask.affine[:3, :3]))
        assert float(nodule["volume_mm3"]) == pytest.approx(len(index) * voxel_mm3, rel=1e-3)
        assert nodule["lidc_nodule"].startswith(nodule["lidc_patient"] + "/")


def test_candidates_hold_every_nodule_and_keep_confusers_away(small_plan):
    candidates = rows(small_plan.root / "luna16" / "candidates_V2.csv")
    annotations = rows(small_plan.root / "luna16" / "annotations.csv")

    def point(row):
        return np.array([float(row[f"coord{a}"]) for a in "XYZ"])

    for uid in {r["seriesuid"] for r in candidates}:
        nodules = [point(a) for a in annotations if a["seriesuid"] == uid]
        hits = [point(c) for c in candidates if c["seriesuid"] == uid and c["class"] == "1"]
        others = [point(c) for c in candidates if c["seriesuid"] == uid and c["class"] == "0"]
        assert len(hits) == len(nodules)
        for hit in hits:
            assert min(np.linalg.norm(hit - n) for n in nodules) < 2.0
        assert 25 <= len(others) <= 100
        mask = nib.load(small_plan.root / "masks" / f"{uid}.nii.gz")
        marked = nib.affines.apply_affine(mask.affine, np.argwhere(np.asarray(mask.dataobj) > 0))
        for other in others:
            assert np.linalg.norm(marked - other * (-1, -1, 1), axis=1).min() > 5.0


def test_findings_are_listed_and_those_too_small_to_judge_are_no_negatives(small_plan, tmp_path):
    anatomy = small_plan.recipe.anatomy.model_copy(update={"micronodules": (6, 6), "scars": (2, 2)})
    recipe = small_plan.recipe.model_copy(update={"anatomy": anatomy})
    study = make_one(DatasetPlan(tmp_path, 2, recipe), 0)
    found = finding_rows(study)
    kinds = [row["kind"] for row in found]
    assert kinds.count("micronodule") == 6
    assert kinds.count("scar") == 2
    for row, finding in zip(found, study.findings, strict=True):
        index = np.round(study.geometry.lps_to_index(finding.center_xyz)).astype(int)
        assert row["ignored"] == finding.ignored == (finding.kind.value == "micronodule")
        if finding.ignored:
            assert study.labels[tuple(index)] > 0
        assert study.geometry.contains(index)
    assert rows(small_plan.root / "findings.csv")


def test_a_finished_study_is_skipped_and_a_broken_one_made_again(small_plan, tmp_path):
    plan = DatasetPlan(tmp_path / "copy", small_plan.seed, small_plan.recipe)
    shutil.copytree(small_plan.root, plan.root)
    assert list(write_dataset(plan, 2)) == [(0, False), (1, False)]
    mhd = next((plan.root / "luna16" / "subset1").glob("*.mhd"))
    before = mhd.with_suffix(".raw").read_bytes()
    mhd.unlink()
    mhd.with_suffix(".raw").unlink()
    assert not is_complete(plan, 1)
    assert list(write_dataset(plan, 2)) == [(0, False), (1, True)]
    assert mhd.with_suffix(".raw").read_bytes() == before
    for name in ("nodules.csv", "luna16/annotations.csv", "studies.csv"):
        assert (plan.root / name).read_text() == (small_plan.root / name).read_text()


def test_another_recipe_replaces_and_never_mixes(small_plan, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(small_plan.root, root)
    recipe = with_nodules(small_plan.recipe, 1, 1)
    plan = DatasetPlan(root, small_plan.seed, recipe, format=PhantomFormat.LUNA16)
    assert list(write_dataset(plan, 1)) == [(0, True)]
    counted = {r["study_index"]: r["nodules"] for r in rows(root / "studies.csv")}
    assert len(rows(root / "studies.csv")) == 2
    assert counted["0"] == "1"


def test_same_seed_same_voxels_other_seed_others(small_plan):
    first, again = make_one(small_plan, 0), make_one(small_plan, 0)
    assert first.hu.tobytes() == again.hu.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    assert first.identity == again.identity
    other = make_one(DatasetPlan(small_plan.root, 4, small_plan.recipe), 0)
    assert other.identity.series_uid != first.identity.series_uid
    assert other.hu.tobytes() != first.hu.tobytes()


def test_dicom_is_valid(small_plan, mhd_copy):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    file = next(small_plan.root.glob(f"dicom/*/*/{mhd_copy.stem}/*.dcm"))
    done = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
    assert [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line] == []


def test_tags(small_plan, mhd_copy):
    ds = dicom_slices(small_plan.root, mhd_copy.stem)[0]
    assert str(ds.PatientName).startswith("PHANTOM^")
    assert ds.Manufacturer == "Nodulus phantom"
    assert list(ds.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert (ds.PatientPosition, ds.BodyPartExamined, ds.RescaleIntercept) == ("HFS", "CHEST", -1024)


def test_an_interrupted_study_leaves_no_half_series(small_plan, tmp_path, monkeypatch):
    plan = DatasetPlan(tmp_path, small_plan.seed, small_plan.recipe, format=PhantomFormat.DICOM)
    study = make_one(plan, 0)
    save = pydicom.Dataset.save_as

    def stopped(dataset, path, **options):
        if dataset.InstanceNumber > 5:
            raise KeyboardInterrupt
        save(dataset, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_dicom(tmp_path, study)
    assert not (tmp_path / "dicom").exists()
    assert len(list(tmp_path.rglob("*.dcm"))) == 5
    monkeypatch.undo()
    assert len(list(write_dicom(tmp_path, study).glob("*.dcm"))) == len(study.hu)
    assert [p for p in tmp_path.rglob("*") if ".part" in p.name] == []


def test_no_part_is_left_behind(small_plan):
    assert [p for p in small_plan.root.rglob("*") if ".part" in p.name] == []
    states = list((small_plan.root / ".phantom").glob("*.json"))
    assert len(states) == 2
    assert all("nodules" in json.loads(p.read_text()) for p in states)


def test_recipe_file_holds_the_defaults():
    assert PhantomRecipe.load() == PhantomRecipe()
