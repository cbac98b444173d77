"""DICOM segmentations of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from nodulus.app.candidates.label_marks import label_marks
from nodulus.app.reading import load_volume
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import around_the_nodules, ball, write_seg
from tests.app.candidates.opened import marks_of, refused
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS

BIG, SMALL = NODULES_LPS["big"], NODULES_LPS["small"]


@pytest.fixture(scope="module")
def scan(volume: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> tuple[CtVolume, list[Path]]:
    folder = tmp_path_factory.mktemp("scan")
    volume = around_the_nodules(volume)
    first = volume.geometry.affine_lps[:3, 3]
    files = write_series(folder, volume.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first)
    return load_volume(folder), files


def masks(geometry, **names: tuple[tuple[float, float, float], float]) -> dict[str, np.ndarray]:
    return {name: ball(geometry, center, r) for name, (center, r) in names.items()}


def test_each_segment_is_where_it_was_drawn(tmp_path: Path, scan) -> None:
    volume, files = scan
    own = masks(volume.geometry, nodule_1=(BIG, 9.0), nodule_2=(SMALL, 4.0))
    found = marks_of(write_seg(tmp_path / "s.dcm", files, own), volume)
    assert found.algorithm == "a network of others"
    assert found.warnings == ()
    by_x = sorted(found.marks, key=lambda m: -m.center_lps_mm[0])
    for mark, name in zip(by_x, own, strict=True):
        assert mark.voxels is not None
        index = np.argwhere(mark.voxels.mask) + [s.start for s in mark.voxels.box]
        points = mark.voxels.grid.index_to_lps(index)
        on_scan = np.rint(volume.geometry.lps_to_index(points)).astype(int)
        assert {tuple(i) for i in on_scan} == {tuple(i) for i in np.argwhere(own[name])}


def test_the_segments_that_are_nodules_are_taken(
    tmp_path: Path, scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{label_marks.__module__}._LARGEST_ML", 50.0)  # the scan is a small part
    volume, files = scan
    own = {"lung": volume.hu < -700, **masks(volume.geometry, lung_nodules=(BIG, 9.0))}
    path = write_seg(tmp_path / "s.dcm", files, own)
    (mark,) = marks_of(path, volume).marks
    assert mark.center_lps_mm == pytest.approx(BIG, abs=0.5)
    (mark,) = marks_of(path, volume, label="lung_nod*").marks
    (mark,) = marks_of(path, volume, label="2").marks
    assert "an organ, not a nodule" in refused(path, volume, label="lung")
    assert "nothing in it is named heart" in refused(path, volume, label="heart")


def test_without_a_name_that_says_so_every_segment_counts(tmp_path: Path, scan) -> None:
    volume, files = scan
    path = write_seg(tmp_path / "s.dcm", files, masks(volume.geometry, finding=(BIG, 9.0)))
    (mark,) = marks_of(path, volume).marks
    assert mark.center_lps_mm == pytest.approx(BIG, abs=0.5)


def test_another_frame_of_reference_is_refused(tmp_path: Path, scan) -> None:
    volume, files = scan

    def elsewhere(seg: Dataset) -> None:
        seg.FrameOfReferenceUID = generate_uid()

    own = masks(volume.geometry, nodule=(BIG, 9.0))
    path = write_seg(tmp_path / "s.dcm", files, own, edit=elsewhere)
    assert "another frame of reference" in refused(path, volume)


def test_another_series_of_the_study_is_warned_of(tmp_path: Path, scan) -> None:
    volume, files = scan

    def of_another(seg: Dataset) -> None:
        seg.ReferencedSeriesSequence[0].SeriesInstanceUID = generate_uid()

    own = masks(volume.geometry, nodule=(BIG, 9.0))
    found = marks_of(write_seg(tmp_path / "s.dcm", files, own, edit=of_another), volume)
    assert [w.code for w in found.warnings] == ["candidates-of-another-series"]
    assert len(found.marks) == 1


def test_a_segmentation_of_another_study_marks_nothing(tmp_path: Path, scan) -> None:
    volume, files = scan
    path = write_seg(tmp_path / "s.dcm", files, masks(volume.geometry, nodule=(BIG, 9.0)))
    found = marks_of(path, replace(volume, study_uid="1.2.3.4"))
    assert found.marks == ()
    assert [w.code for w in found.warnings] == ["candidates-none"]


def test_a_scan_that_is_no_dicom_is_warned_of(tmp_path: Path, scan) -> None:
    volume, files = scan
    path = write_seg(tmp_path / "s.dcm", files, masks(volume.geometry, nodule=(BIG, 9.0)))
    research = replace(volume, study_uid=None, source_images=(), source_format="nifti")
    found = marks_of(path, research)
    assert [w.code for w in found.warnings] == ["candidates-of-another-series"]
    assert len(found.marks) == 1


def test_a_dicom_that_is_no_segmentation_is_refused(scan) -> None:
    volume, files = scan
    assert "cannot be used as a segmentation" in refused(files[0], volume)


def test_a_truncated_segmentation_is_refused(tmp_path: Path, scan) -> None:
    volume, files = scan
    path = write_seg(tmp_path / "s.dcm", files, masks(volume.geometry, nodule=(BIG, 9.0)))
    path.write_bytes(path.read_bytes()[:3000])
    assert "cannot be used as a segmentation" in refused(path, volume)


def test_frames_that_make_no_volume_are_refused(tmp_path: Path, scan) -> None:
    volume, files = scan

    def shifted(seg: Dataset) -> None:
        frame = seg.PerFrameFunctionalGroupsSequence[2]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        position[0] = float(position[0]) + 1

    own = masks(volume.geometry, nodule=(BIG, 9.0))
    path = write_seg(tmp_path / "s.dcm", files, own, edit=shifted)
    assert "make no volume" in refused(path, volume)


def test_a_segment_of_one_slice_has_its_thickness(tmp_path: Path, scan) -> None:
    volume, files = scan
    mask = ball(volume.geometry, BIG, 9.0)
    mask[[k for k in range(len(mask)) if k != 10]] = False
    path = write_seg(tmp_path / "s.dcm", files, {"nodule": mask})
    assert len(dcmread(path).PerFrameFunctionalGroupsSequence) == 1
    (mark,) = marks_of(path, volume).marks
    assert mark.voxels is not None
    assert mark.voxels.grid.spacing_irc_mm == pytest.approx((2.0, 1.5, 1.5))
    assert mark.center_lps_mm[2] == pytest.approx(volume.geometry.index_to_lps((10, 0, 0))[2])
