"""Tables and label images of others: what is read, what is warned of, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from nodulus.app.candidates.label_marks import label_marks
from nodulus.app.errors import NodulusError
from nodulus.app.reading.research import read_values
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from tests.app.candidates.files import around_the_nodules, ball, write_nifti, write_table
from tests.app.candidates.opened import marks_of
from tests.app.synthetic_chest import NODULES_LPS

BIG, SMALL = NODULES_LPS["big"], NODULES_LPS["small"]


@pytest.fixture(scope="module")
def volume(volume: CtVolume) -> CtVolume:
    return around_the_nodules(volume)


def refused(path: Path, volume: CtVolume, **more: str) -> str:
    with pytest.raises(NodulusError) as caught:
        marks_of(path, volume, **more)
    assert caught.value.code.value in ("candidates-invalid", "input-not-found", "input-empty")
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_table_gives_the_marks_of_its_series(tmp_path: Path, volume: CtVolume) -> None:
    rows = [("1.2.3", *BIG, 0.75), ("another", *SMALL, 0.5), ("1.2.3", *SMALL, "")]
    found = marks_of(write_table(tmp_path / "m.csv", rows), volume)
    assert [(m.center_lps_mm, m.probability) for m in found.marks] == [(BIG, 0.75), (SMALL, None)]
    assert found.warnings == ()


def test_the_truth_of_candidates_v2_is_no_probability(tmp_path: Path, volume: CtVolume) -> None:
    path = tmp_path / "candidates_V2.csv"
    path.write_text("seriesuid,coordX,coordY,coordZ,class\n1.2.3,45,-60,0,1\n1.2.3,0,-60,0,0\n")
    assert [m.probability for m in marks_of(path, volume).marks] == [None, None]


def test_a_series_that_is_not_in_the_table_is_warned_of(tmp_path: Path, volume: CtVolume) -> None:
    found = marks_of(write_table(tmp_path / "m.csv", [("9.9", *BIG, 1)]), volume, name="theirs")
    assert found.marks == ()
    assert [w.code for w in found.warnings] == ["candidates-none"]
    assert "'theirs'" in found.warnings[0].message


def test_marks_outside_are_left_out_with_their_number(tmp_path: Path, volume: CtVolume) -> None:
    rows = [("1.2.3", *BIG, 0.7), ("1.2.3", 0, 0, 900, 0.9)]
    found = marks_of(write_table(tmp_path / "m.csv", rows), volume)
    assert [m.center_lps_mm for m in found.marks] == [BIG]
    assert found.warnings[0].code == "candidates-outside"
    assert "1 of 2 marks" in found.warnings[0].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seriesuid,x,y,z\n1.2.3,1,2,3\n", "the columns coordX, coordY, coordZ are missing"),
        ("seriesuid,coordX,coordY,coordZ\n", "no row"),
        ("seriesuid,coordX,coordY,coordZ\n1.2.3,1,nan,3\n1.2.3,1,2,3\n", "line 2: 'nan' is not"),
        ("seriesuid,coordX,coordY,coordZ,probability\n1.2.3,1,2,3,7\n", "the probability 7"),
        ("seriesuid,coordX,coordY,coordZ\n1.2.3,1,2,900\n", "None of its 1 marks lies in the scan"),
        ("seriesuid,coordX,coordY,coordZ\n1.2.3,-45,60,0\n", "in LPS (as DICOM and LUNA16)"),
        ("seriesuid,coordX,coordY,coordZ\n1.2.3,85,40,5\n", "Taken as voxel indices"),
    ],
)
def test_a_table_that_does_not_hold_is_refused(
    tmp_path: Path, volume: CtVolume, text: str, words: str
) -> None:
    (tmp_path / "m.csv").write_text(text)
    assert words in refused(tmp_path / "m.csv", volume)


def test_files_that_are_no_candidates_are_refused(tmp_path: Path, volume: CtVolume) -> None:
    assert "no such file" in refused(tmp_path / "none.csv", volume)
    (tmp_path / "empty.csv").write_text("")
    assert "is empty" in refused(tmp_path / "empty.csv", volume)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" + bytes(200))
    assert "no table of marks, label image, DICOM object" in refused(
        tmp_path / "picture.png", volume
    )
    assert "a folder" in refused(tmp_path, volume)
    (tmp_path / "m.csv").write_text("seriesuid,coordX,coordY,coordZ\n1.2.3,1,2,3\n")
    for name in ("", "nodulus-segmentation", "n" * 65):
        assert "cannot be called" in refused(tmp_path / "m.csv", volume, name=name)


def two_balls(geometry: Geometry) -> np.ndarray:
    labels = ball(geometry, BIG, 9.0).astype(np.uint8)
    labels[ball(geometry, SMALL, 4.0)] = 1
    return labels


def test_each_piece_of_a_label_is_a_mark(tmp_path: Path, volume: CtVolume) -> None:
    path = write_nifti(tmp_path / "l.nii.gz", two_balls(volume.geometry), volume.geometry)
    found = marks_of(path, volume)
    centers = sorted(m.center_lps_mm for m in found.marks)
    assert centers[0] == pytest.approx(SMALL, abs=0.5)
    assert centers[1] == pytest.approx(BIG, abs=0.5)
    assert all(m.probability is None for m in found.marks)
    counts = sorted(int(m.voxels.mask.sum()) for m in found.marks if m.voxels)
    assert counts == sorted(
        int(ball(volume.geometry, c, r).sum()) for c, r in ((BIG, 9.0), (SMALL, 4.0))
    )


def test_touching_labels_stay_two_marks(tmp_path: Path, volume: CtVolume) -> None:
    labels = ball(volume.geometry, BIG, 9.0).astype(np.uint8)
    right = np.moveaxis(np.indices(labels.shape), 0, -1)
    labels[(volume.geometry.index_to_lps(right)[..., 0] > BIG[0]) & (labels > 0)] = 2
    assert (
        len(marks_of(write_nifti(tmp_path / "l.nii", labels, volume.geometry), volume).marks) == 2
    )


def test_a_label_image_of_another_grid_lies_where_it_says(tmp_path: Path, volume: CtVolume) -> None:
    """Turned, flipped, finer and only a part: patient coordinates alone count."""
    affine = np.zeros((4, 4))
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (0, -0.9, 0), (0, 0, -0.8), (-0.7, 0, 0)
    affine[:3, 3], affine[3, 3] = (70, -30, 25), 1
    grid = Geometry((60, 60, 70), affine)
    path = write_nifti(tmp_path / "l.nii.gz", ball(grid, BIG, 9.0).astype(np.int16), grid)
    (mark,) = marks_of(path, volume).marks
    assert mark.center_lps_mm == pytest.approx(BIG, abs=0.5)


def test_names_of_totalsegmentator_choose_the_nodules(
    tmp_path: Path, volume: CtVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{label_marks.__module__}._LARGEST_ML", 50.0)  # the scan is a small part
    geometry = volume.geometry
    lungs = (volume.hu < -700).astype(np.uint8)
    lungs[ball(geometry, BIG, 9.0)] = 2
    path = write_nifti(tmp_path / "ts.nii.gz", lungs, geometry, {1: "lung", 2: "lung_nodules"})
    (mark,) = marks_of(path, volume).marks
    assert mark.center_lps_mm == pytest.approx(BIG, abs=0.5)
    (mark,) = marks_of(path, volume, label="2").marks
    assert mark.center_lps_mm == pytest.approx(BIG, abs=0.5)
    (mark,) = marks_of(path, volume, label="lung_nod*").marks
    assert "an organ, not a nodule" in refused(path, volume, label="1")
    assert "is named heart" in refused(path, volume, label="heart")
    unnamed = write_nifti(tmp_path / "unnamed.nii.gz", lungs, geometry)
    assert "an organ, not a nodule (the file has the labels 1, 2)" in refused(unnamed, volume)
    assert "names no labels" in refused(unnamed, volume, label="lung_nodules")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((4, 4, 4), 0.37, np.float32), "the value 0.37"),
        (np.full((4, 4, 4), np.nan, np.float32), "the value nan"),
        (np.full((4, 4, 4), -3, np.int16), "the value -3"),
    ],
)
def test_values_that_are_no_labels_are_refused(
    tmp_path: Path, volume: CtVolume, values: np.ndarray, words: str
) -> None:
    grid = Geometry((4, 4, 4), volume.geometry.affine_lps)
    message = refused(write_nifti(tmp_path / "l.nii", values, grid), volume)
    assert words in message
    assert "cut at a threshold" in message


def test_an_image_beside_the_scan_is_refused(tmp_path: Path, volume: CtVolume) -> None:
    moved = volume.geometry.affine_lps.copy()
    moved[2, 3] += 1000
    grid = Geometry(volume.geometry.shape_irc, moved)
    labels = two_balls(volume.geometry)
    assert "do not overlap" in refused(write_nifti(tmp_path / "l.nii.gz", labels, grid), volume)


def test_an_empty_label_image_marks_nothing_and_says_so(tmp_path: Path, volume: CtVolume) -> None:
    labels = np.zeros(volume.hu.shape, np.uint8)
    found = marks_of(write_nifti(tmp_path / "l.nii.gz", labels, volume.geometry), volume)
    assert found.marks == ()
    assert [w.code for w in found.warnings] == ["candidates-none"]


def test_a_truncated_image_and_one_of_four_dimensions_are_refused(
    tmp_path: Path, volume: CtVolume
) -> None:
    path = write_nifti(tmp_path / "l.nii", two_balls(volume.geometry), volume.geometry)
    path.write_bytes(path.read_bytes()[:5000])
    assert "cannot be read as a label image" in refused(path, volume)
    four = tmp_path / "four.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4, 2), np.uint8), np.eye(4)), four)
    assert "4 x 4 x 4 x 2" in refused(four, volume)


def test_an_image_without_orientation_is_warned_of(tmp_path: Path, volume: CtVolume) -> None:
    path = write_nifti(tmp_path / "l.nii", two_balls(volume.geometry), volume.geometry)
    image = nibabel.load(path)
    image.header["qform_code"] = image.header["sform_code"] = 0
    data = np.asarray(image.dataobj)
    plain = nibabel.Nifti1Image(data, None, image.header)
    nibabel.save(plain, tmp_path / "plain.nii")
    _, grid, _ = read_values(tmp_path / "plain.nii")
    found = marks_of(tmp_path / "plain.nii", replace(volume, geometry=grid))
    assert len(found.marks) == 2
    assert [w.code for w in found.warnings] == ["candidates-without-orientation"]
