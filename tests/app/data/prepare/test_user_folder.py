"""`nodulus prepare folder`: scans of one's own, with a table, with masks, with both."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from skimage.measure import find_contours

from nodulus.app.commands.root import cli
from nodulus.app.data.phantom.dataset import DatasetPlan, make_one, write_dataset
from nodulus.app.data.phantom.phantom_study import PhantomStudy
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.prepare.problems import NOTES, ProblemKind
from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import Study, read_data_dir
from nodulus.transforms.patch_sampling import lps_to_voxel
from tests.app.data.masks.dicom_masks import write_rtstruct, write_seg
from tests.app.other_tools import write_highdicom_report, write_slicer_segmentation
from tests.lidc_shapes import needs_lidc_shapes

pytestmark = needs_lidc_shapes

HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm,malignancy"


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> DatasetPlan:
    plan = DatasetPlan(tmp_path_factory.mktemp("phantom"), 11, PhantomRecipe.small())
    for _ in write_dataset(plan, 2):
        pass
    return plan


@pytest.fixture(scope="session")
def study(plan: DatasetPlan) -> PhantomStudy:
    return make_one(plan, 0)


@pytest.fixture
def ct(plan: DatasetPlan, tmp_path: Path) -> Path:
    """The DICOM of two studies."""
    return Path(shutil.copytree(plan.root / "dicom", tmp_path / "ct"))


@pytest.fixture
def images(plan: DatasetPlan, tmp_path: Path) -> Path:
    """The same two scans as NIfTI and NRRD, ``a.nii.gz`` and ``b.nrrd``."""
    folder = tmp_path / "images"
    folder.mkdir()
    files = sorted(plan.root.glob("luna16/subset*/*.mhd"), key=lambda p: p.parent.name)
    for file, name in zip(files, ("a.nii.gz", "b.nrrd"), strict=True):
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(file)), str(folder / name))
    return folder


def prepare(folder: Path, cache: Path, *options: object) -> Result:
    arguments = ["prepare", "folder", folder, "-o", cache, "--workers", 1, "--spacing-mm", 3]
    return CliRunner().invoke(cli, [str(a) for a in (*arguments, *options)])


def table(path: Path, study: PhantomStudy, name: str = "") -> Path:
    lines = [HEADER]
    for nodule in study.nodules:
        x, y, z = nodule.center_lps_mm
        lines.append(f"{name or study.identity.series_uid},{x},{y},{z},{nodule.diameter_mm},4")
    path.write_text("\n".join(lines) + "\n")
    return path


def problems(cache: Path) -> list[dict[str, str]]:
    with (cache / "problems.csv").open(newline="") as file:
        return [r for r in csv.DictReader(file) if ProblemKind(r["kind"]) not in NOTES]


def only(cache: Path) -> Study:
    (study,) = read_data_dir(cache)
    return study


def check_labels(prepared: Study, study: PhantomStudy) -> None:
    """Each nodule of the phantom is one in the cache, of its size and at its place."""
    assert len(prepared.nodules) == len(study.nodules)
    assert prepared.prepared is not None
    item = load_prepared(prepared.prepared.path)
    voxel_mm3 = study.geometry.voxel_volume_mm3
    for nodule in study.nodules:
        own = min(
            prepared.nodules,
            key=lambda n: float(np.linalg.norm(np.subtract(n.center_lps_mm, nodule.center_lps_mm))),
        )
        inside = np.argwhere(study.labels == nodule.label)
        center = study.geometry.index_to_lps(inside.mean(axis=0))
        assert np.linalg.norm(center - own.center_lps_mm) < 2.0
        volume = len(inside) * voxel_mm3
        assert np.pi / 6 * own.diameter_mm**3 == pytest.approx(volume, rel=0.2)
        voxel = np.round(lps_to_voxel(center, item["affine"])).astype(int)
        assert int(item["label"][(0, *voxel)]) == own.label


def dicom_images(ct: Path, study: PhantomStudy) -> list[pydicom.Dataset]:
    files = sorted(ct.rglob(f"{study.identity.series_uid}/*.dcm"))
    return [pydicom.dcmread(file) for file in files]  # from the lowest up, as the phantom has them


def seg(path: Path, ct: Path, study: PhantomStudy, labels: NDArray[np.uint8]) -> Path:
    segments = [
        (f"Nodule {value}", codes.SCT.Nodule, labels == value)
        for value in np.unique(labels)
        if 0 < value < 255
    ]
    return write_seg(path, segments, images=dicom_images(ct, study))


def rtstruct(path: Path, ct: Path, study: PhantomStudy, name: str = "GTV nodules") -> Path:
    """All nodules as one ROI."""
    curves = []
    for k, plane in enumerate((study.labels > 0) & (study.labels < 255)):
        for line in find_contours(np.pad(plane, 1).astype(float), 0.5):
            index = np.column_stack([np.full(len(line), k), line - 1])
            curves.append(study.geometry.index_to_lps(index)[:-1])
    first = dicom_images(ct, study)[0]
    return write_rtstruct(
        path,
        [(name, "", curves)],
        frame=str(first.FrameOfReferenceUID),
        series=study.identity.series_uid,
    )


def test_a_table_names_dicom_series_by_their_uid(
    ct: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    done = prepare(ct, cache, "--nodules", table(tmp_path / "n.csv", study))
    assert done.exit_code == 0, done.output
    assert "[series-unannotated]" in done.output  # the other study, about which nothing is known
    prepared = only(cache)
    assert prepared.series_uid == study.identity.series_uid
    assert [n.malignancy for n in prepared.nodules] == [4.0] * len(study.nodules)
    assert prepared.patient_id == study.identity.patient_id  # a phantom's ID names no person
    assert prepared.facts["manufacturer"] == "Nodulus phantom"


def test_a_patient_s_id_is_in_no_file(ct: Path, study: PhantomStudy, tmp_path: Path) -> None:
    for file in ct.rglob("*.dcm"):
        dataset = pydicom.dcmread(file)
        dataset.PatientID = "4711-secret"
        dataset.save_as(file)
    cache = tmp_path / "cache"
    listed = tmp_path / "series.csv"
    listed.write_text("\n".join({p.parent.name for p in ct.rglob("*.dcm")}) + "\n")
    options = ("--nodules", table(tmp_path / "n.csv", study), "--series", listed)
    assert prepare(ct, cache, *options).exit_code == 0
    first, second = read_data_dir(cache)
    assert first.patient_id == second.patient_id != ""
    for path in cache.rglob("*"):
        assert "secret" not in path.name
        assert not path.is_file() or b"4711-secret" not in path.read_bytes()


def test_a_series_that_is_only_listed_has_no_nodules(
    ct: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    listed = tmp_path / "series.csv"
    listed.write_text("\n".join({p.parent.name for p in ct.rglob("*.dcm")}) + "\n")
    options = ("--nodules", table(tmp_path / "n.csv", study), "--series", listed)
    assert prepare(ct, tmp_path / "cache", *options).exit_code == 0
    counts = {s.series_uid: len(s.nodules) for s in read_data_dir(tmp_path / "cache")}
    assert sorted(counts.values()) == [0, len(study.nodules)]


def test_a_table_names_other_files_by_their_name(
    images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    done = prepare(images, tmp_path / "cache", "--nodules", table(tmp_path / "n.csv", study, "a"))
    assert done.exit_code == 0, done.output
    assert only(tmp_path / "cache").series_uid == "a"


def test_tables_of_patients_and_looked_at_candidates(
    images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    nodules = table(tmp_path / "n.csv", study, "a")
    candidates = tmp_path / "candidates.csv"
    candidates.write_text(
        "seriesuid,coordX,coordY,coordZ,class,reason\na,1,2,3,0,seen by eye: vessel\n"
        "a,4,5,6,1,in a nodule\nb,7,8,9,0,of a scan that is left out\n"
    )
    patients = tmp_path / "patients.csv"
    patients.write_text(
        "seriesuid,patient,marked,use\na,LIDC-IDRI-0132,partly,training\nb,LIDC-IDRI-0132,,\n"
    )
    options = ("--nodules", nodules, "--candidates", candidates, "--patients", patients)
    done = prepare(images, tmp_path / "cache", *options)
    assert done.exit_code == 0, done.output
    found = only(tmp_path / "cache")
    assert found.patient_id == "LIDC-IDRI-0132"
    assert found.is_partly_marked
    assert [(c.center_lps_mm, c.is_nodule) for c in found.candidates] == [
        ((1, 2, 3), False), ((4, 5, 6), True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("series,patient\na,b\n", "the columns seriesuid are missing"),
        ("seriesuid,patient\na,\n", "a series or its patient is missing"),
        ("seriesuid,patient\na,b\na,c\n", "series a has two patients"),
        ("seriesuid,patient,marked\na,b,half\n", "marked is complete or partly, not 'half'"),
    ],
)
def test_a_table_of_patients_that_says_two_things_is_refused(
    images: Path, study: PhantomStudy, tmp_path: Path, text: str, words: str
) -> None:
    patients = tmp_path / "patients.csv"
    patients.write_text(text)
    nodules = table(tmp_path / "n.csv", study, "a")
    done = prepare(images, tmp_path / "no", "--nodules", nodules, "--patients", patients)
    assert done.exit_code == 1
    assert words in " ".join(done.output.split())


def test_dicom_seg(ct: Path, study: PhantomStudy, tmp_path: Path) -> None:
    seg(ct / "mask.dcm", ct, study, study.labels)
    done = prepare(ct, tmp_path / "cache", "--masks", ct)
    assert done.exit_code == 0, done.output
    check_labels(only(tmp_path / "cache"), study)


def test_rtstruct(ct: Path, study: PhantomStudy, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    rtstruct(masks / "rs.dcm", ct, study)
    done = prepare(ct, tmp_path / "cache", "--masks", masks)
    assert done.exit_code == 0, done.output
    check_labels(only(tmp_path / "cache"), study)


def test_label_images(images: Path, study: PhantomStudy, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    affine = study.geometry.affine_ras[:, [2, 1, 0, 3]]
    nibabel.save(nibabel.Nifti1Image(study.labels.transpose(2, 1, 0), affine), masks / "a.nii.gz")
    done = prepare(images, tmp_path / "cache", "--masks", masks)
    assert done.exit_code == 0, done.output
    check_labels(only(tmp_path / "cache"), study)


def test_a_table_and_masks_together(ct: Path, study: PhantomStudy, tmp_path: Path) -> None:
    seg(ct / "mask.dcm", ct, study, study.labels)
    nodules = table(tmp_path / "n.csv", study)
    done = prepare(ct, tmp_path / "cache", "--nodules", nodules, "--masks", ct)
    assert done.exit_code == 0, done.output
    prepared = only(tmp_path / "cache")
    assert prepared.nodules[0].malignancy == 4.0
    assert prepared.has_label
    by_table = {tuple(n.center_lps_mm) for n in prepared.nodules}
    assert by_table == {tuple(n.center_lps_mm) for n in study.nodules}


# --- what is wrong


def test_without_a_table_or_masks_it_is_wrong_usage(ct: Path, tmp_path: Path) -> None:
    done = prepare(ct, tmp_path / "cache")
    assert done.exit_code == 2
    assert "--nodules, --masks or both" in done.output


def test_a_series_that_is_not_there_is_named_with_its_row(
    ct: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    nodules = table(tmp_path / "n.csv", study)
    with nodules.open("a") as file:
        file.write("1.2.3,0,0,0,8,\n")
    assert prepare(ct, tmp_path / "no", "--nodules", nodules, "--strict").exit_code == 1
    assert not (tmp_path / "no").exists()
    done = prepare(ct, tmp_path / "cache", "--nodules", nodules)
    assert done.exit_code == 1
    (row,) = problems(tmp_path / "cache")
    assert (row["kind"], row["series_uid"]) == ("series-not-on-disk", "1.2.3")
    assert (row["path"], row["row"]) == (str(nodules), str(len(study.nodules) + 2))
    assert "series: 1 of 2, -1" in done.output


def test_a_nodule_outside_the_volume_is_named_with_its_row(
    images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    nodules = table(tmp_path / "n.csv", study, "a")
    with nodules.open("a") as file:
        file.write("a,0,0,9999,8,\n")
    assert prepare(images, tmp_path / "no", "--nodules", nodules, "--strict").exit_code == 1
    done = prepare(images, tmp_path / "cache", "--nodules", nodules)
    assert done.exit_code == 1
    (row,) = [r for r in problems(tmp_path / "cache") if r["kind"] == "outside-volume"]
    assert (row["path"], row["row"]) == (str(nodules), str(len(study.nodules) + 2))
    assert len(only(tmp_path / "cache").nodules) == len(study.nodules)


def test_a_table_with_decimal_commas_is_read_and_said(
    images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    nodules = table(tmp_path / "n.csv", study, "a")
    text = nodules.read_text().replace(",", ";")
    nodules.write_text(text.replace(".", ","))
    assert prepare(images, tmp_path / "no", "--nodules", nodules, "--strict").exit_code == 1
    assert not (tmp_path / "no").exists()
    assert prepare(images, tmp_path / "cache", "--nodules", nodules).exit_code == 1
    (row,) = [r for r in problems(tmp_path / "cache") if r["kind"] == "table-form"]
    assert row["path"] == str(nodules)
    found = [n.center_lps_mm for n in only(tmp_path / "cache").nodules]
    assert found == [pytest.approx(n.center_lps_mm, abs=0.01) for n in study.nodules]


def test_no_series_at_all_is_refused(ct: Path, tmp_path: Path) -> None:
    nodules = tmp_path / "n.csv"
    nodules.write_text(f"{HEADER}\n1.2.3,0,0,0,8,\n")
    done = prepare(ct, tmp_path / "cache", "--nodules", nodules)
    assert done.exit_code == 1
    assert "[no-ct-series]" in done.output
    assert "n.csv: row 2" in done.output
    assert not (tmp_path / "cache").exists()


def test_a_missing_table_is_refused(ct: Path, tmp_path: Path) -> None:
    done = prepare(ct, tmp_path / "cache", "--nodules", tmp_path / "none.csv")
    assert done.exit_code == 1
    assert "[input-not-found]" in done.output


def test_two_files_of_one_name_are_left_out(
    images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    (images / "again").mkdir()
    shutil.copy(images / "b.nrrd", images / "again" / "a.nrrd")
    nodules = table(tmp_path / "n.csv", study, "a")
    with nodules.open("a") as file:
        file.write("b,0,0,0,8,\n")
    done = prepare(images, tmp_path / "cache", "--nodules", nodules)
    assert done.exit_code == 1
    kinds = [row["kind"] for row in problems(tmp_path / "cache")]
    assert kinds.count("uid-twice") == 1
    assert "series-not-on-disk" not in kinds


def test_a_truncated_file_is_left_out(images: Path, study: PhantomStudy, tmp_path: Path) -> None:
    path = images / "a.nii.gz"
    path.write_bytes(path.read_bytes()[:-20000])
    nodules = table(tmp_path / "n.csv", study, "a")
    done = prepare(images, tmp_path / "cache", "--nodules", nodules)
    assert done.exit_code == 1
    (row,) = problems(tmp_path / "cache")
    assert (row["kind"], row["path"]) == ("image-broken", str(path))
    assert read_data_dir(tmp_path / "cache") == []
    assert list((tmp_path / "cache").glob("prepared/*")) == []


def test_a_mask_without_a_nodule_is_named(ct: Path, study: PhantomStudy, tmp_path: Path) -> None:
    rtstruct(ct / "rs.dcm", ct, study, name="Heart")
    done = prepare(ct, tmp_path / "cache", "--masks", ct)
    assert done.exit_code == 1
    (row,) = problems(tmp_path / "cache")
    assert (row["kind"], row["path"]) == ("mask-missing", str(ct / "rs.dcm"))
    assert "'Heart'" in row["message"]
    named = prepare(ct, tmp_path / "named", "--masks", ct, "--structure", "hea*")
    assert named.exit_code == 0, named.output


def test_a_mask_of_another_series_is_named(ct: Path, study: PhantomStudy, tmp_path: Path) -> None:
    seg(ct / "mask.dcm", ct, study, study.labels)
    shutil.rmtree(next(ct.rglob(study.identity.series_uid)))
    nodules = tmp_path / "n.csv"
    (other,) = {p.parent.name for p in ct.rglob("*.dcm")} - {ct.name}
    nodules.write_text(f"{HEADER}\n{other},0,0,0,8,\n")
    done = prepare(ct, tmp_path / "cache", "--nodules", nodules, "--masks", ct)
    assert done.exit_code == 1
    rows = {row["kind"]: row for row in problems(tmp_path / "cache")}
    assert rows["series-not-on-disk"]["path"] == str(ct / "mask.dcm")


def test_a_label_image_on_another_grid_is_refused(
    images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    affine = study.geometry.affine_ras[:, [2, 1, 0, 3]].copy()
    affine[0, 3] += 5.0
    nibabel.save(nibabel.Nifti1Image(study.labels.transpose(2, 1, 0), affine), masks / "a.nii.gz")
    done = prepare(images, tmp_path / "cache", "--masks", masks)
    assert done.exit_code == 1
    (row,) = problems(tmp_path / "cache")
    assert (row["kind"], row["path"]) == ("mask-mismatch", str(masks / "a.nii.gz"))


def test_a_segmentation_of_slicer_named_after_its_scan(
    ct: Path, images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    masks = {
        f"Nodule {value}": study.labels == value
        for value in np.unique(study.labels)
        if 0 < value < 255
    }
    folder = tmp_path / "masks"
    folder.mkdir()
    for scans, name in ((ct, study.identity.series_uid), (images, "a")):
        path = folder / f"{name}.seg.nrrd"
        write_slicer_segmentation(path, study.geometry, masks)
        done = prepare(scans, tmp_path / name, "--masks", folder)
        assert done.exit_code == 0, done.output
        check_labels(only(tmp_path / name), study)
        path.unlink()


def test_nodules_of_markups_and_of_a_report(
    ct: Path, images: Path, study: PhantomStudy, tmp_path: Path
) -> None:
    truth = tmp_path / "truth"
    truth.mkdir()
    lines = [
        {
            "type": "Line",
            "name": f"Nodule {nodule.label}",
            "coordinateSystem": "LPS",
            "controlPoints": [
                {"position": list(np.add(nodule.center_lps_mm, (side * nodule.diameter_mm, 0, 0)))}
                for side in (-0.5, 0.5)
            ],
        }
        for nodule in study.nodules
    ]
    (truth / "a.mrk.json").write_text(json.dumps({"markups": lines}))
    done = prepare(images, tmp_path / "from markups", "--nodules", truth)
    assert done.exit_code == 0, done.output

    series = sorted(ct.rglob(f"{study.identity.series_uid}/*.dcm"))
    frame = pydicom.dcmread(series[0]).FrameOfReferenceUID
    regions = [
        hd.sr.ImageRegion3D(
            hd.sr.GraphicTypeValues3D.POINT, np.array([nodule.center_lps_mm]), frame
        )
        for nodule in study.nodules
    ]
    report = write_highdicom_report(tmp_path / "sr.dcm", series, regions)
    done = prepare(ct, tmp_path / "from report", "--nodules", report)
    assert done.exit_code == 0, done.output
    for cache, diameters in (
        ("from markups", [n.diameter_mm for n in study.nodules]),
        ("from report", [7.5] * len(study.nodules)),
    ):
        found = sorted(only(tmp_path / cache).nodules, key=lambda n: n.center_lps_mm)
        known = sorted(zip(study.nodules, diameters, strict=True), key=lambda k: k[0].center_lps_mm)
        for nodule, (truth_nodule, diameter) in zip(found, known, strict=True):
            assert nodule.center_lps_mm == pytest.approx(truth_nodule.center_lps_mm, abs=0.01)
            assert nodule.diameter_mm == pytest.approx(diameter, abs=0.01)


def test_a_mark_without_a_size_is_no_known_nodule(images: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mrk.json"
    point = {"label": "P-1", "position": [1, 2, 3]}
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [point]}
    path.write_text(json.dumps({"markups": [markup]}))
    done = prepare(images, tmp_path / "cache", "--nodules", path)
    assert done.exit_code == 1
    assert "Its mark 'P-1' has no size" in str(done.exception) + done.output
