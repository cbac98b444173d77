"""The DICOM segmentation of single frames, multi-frame files and tilted slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from nodulus.app.results.file_plan import SEG_FILE, SR_FILE
from nodulus.app.volume import CtVolume

from .dicom_objects import masks, write
from .others import validate
from .synthetic import PATIENT_NAME, SHAPE, two_labels, write_multiframe, write_series


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[CtVolume, Path]:
    root = tmp_path_factory.mktemp("single")
    volume = write_series(root / "ct")
    return volume, write(root / "out", volume, two_labels())


def test_seg_overlays_the_source_exactly(written: tuple[CtVolume, Path]) -> None:
    volume, folder = written
    seg, labels = dcmread(folder / SEG_FILE), two_labels()
    rebuilt = np.zeros(SHAPE, np.uint8)
    by_uid = {image.sop_instance_uid: n for n, image in enumerate(volume.source_images)}
    for number, position, source, mask in masks(seg):
        index = by_uid[source.ReferencedSOPInstanceUID]
        assert position == pytest.approx(volume.source_images[index].position_lps_mm)
        rebuilt[index][mask > 0] = number
    np.testing.assert_array_equal(rebuilt, labels)
    assert seg.NumberOfFrames == 5 + 2
    assert seg.FrameOfReferenceUID == dcmread(volume.source_images[0].path).FrameOfReferenceUID


def test_seg_describes_its_segments(written: tuple[CtVolume, Path]) -> None:
    seg = dcmread(written[1] / SEG_FILE)
    first, second = seg.SegmentSequence
    assert [first.SegmentNumber, second.SegmentNumber] == [1, 2]
    assert first.SegmentLabel == first.TrackingID == "Nodule 1"
    assert first.TrackingUID == "2.25.1001"
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == "27925004"
    region = first.AnatomicRegionSequence[0]
    assert region.CodeValue == "90572001"
    assert second.AnatomicRegionSequence[0].CodeValue == "39607008"
    assert region.AnatomicRegionModifierSequence[0].CodeValue == "24028007"
    assert "AnatomicRegionModifierSequence" not in second.AnatomicRegionSequence[0]
    assert first.RecommendedDisplayCIELabValue != second.RecommendedDisplayCIELabValue
    assert seg.SeriesDescription == "Nodulus nodules (research)"
    assert seg.ContentLabel == "NODULES"
    assert seg.PatientName == PATIENT_NAME


def test_objects_pass_the_validator(written: tuple[CtVolume, Path]) -> None:
    validate(written[1] / SEG_FILE)
    validate(written[1] / SR_FILE)


def test_source_without_patient_attributes(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", write_series(tmp_path / "ct", identity=False), two_labels())
    for name in (SEG_FILE, SR_FILE):
        dataset = dcmread(folder / name)
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID"):
            assert str(dataset[keyword].value or "") == ""
        validate(folder / name)


def test_multiframe_source(tmp_path: Path) -> None:
    volume, labels = write_multiframe(tmp_path / "ct"), two_labels()
    folder = write(tmp_path / "out", volume, labels)
    rebuilt = np.zeros(SHAPE, np.uint8)
    for number, position, source, mask in masks(dcmread(folder / SEG_FILE)):
        index = SHAPE[0] - int(source.ReferencedFrameNumber)
        assert position == pytest.approx(volume.source_images[index].position_lps_mm)
        rebuilt[index][mask > 0] = number
    np.testing.assert_array_equal(rebuilt, labels)
    validate(folder / SEG_FILE)
    validate(folder / SR_FILE)


def test_tilted_source(tmp_path: Path) -> None:
    orientation = (1.0, 0.0, 0.0, 0.0, 0.9659258, 0.2588190)
    volume = write_series(tmp_path / "ct", orientation=orientation)
    folder = write(tmp_path / "out", volume, two_labels())
    seg = dcmread(folder / SEG_FILE)
    plane = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    assert list(plane.ImageOrientationPatient) == pytest.approx(orientation)
    validate(folder / SEG_FILE)
    validate(folder / SR_FILE)


def test_all_frames_on_request(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    folder = write(tmp_path / "out", volume, two_labels(), seg_all_frames=True)
    assert dcmread(folder / SEG_FILE).NumberOfFrames == 2 * SHAPE[0]
