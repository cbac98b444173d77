"""Other people's tools read the objects back to the same masks and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from scipy import ndimage

from nodulus.app.results.file_plan import REPORT_FILE, SEG_FILE, SR_FILE
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap
from nodulus.app.results.study_plan import StudyAnalysis, plan
from nodulus.app.results.write_results import (
    MadeResults,
    make_results,
    publish_results,
    write_results,
)
from nodulus.app.volume import CtVolume

from .geometries import GEOMETRIES, label_points, make, with_a_gap
from .others import dcmqi_report, dcmqi_segments, lps_points, sorted_points, validate
from .synthetic import SHAPE, result_for, two_labels, write_series


def write(folder: Path, volume: CtVolume, labels: np.ndarray, **options: Any) -> Path:
    soft = ndimage.gaussian_filter((labels > 0).astype(np.float32), 1.0)
    write_results(
        folder,
        volume,
        labels,
        result_for(volume, labels),
        options=OutputOptions(report=False, **options),
        probability=ProbabilityMap(soft, volume.geometry),
    )
    return folder


def shown(volume: CtVolume, labels: np.ndarray, number: int) -> np.ndarray:
    """LPS points of a label on the slices that are source images."""
    points = label_points(volume.geometry, labels, number)
    normal = volume.geometry.direction_irc[:, 0]
    there = np.array([image.position_lps_mm for image in volume.source_images]) @ normal
    depth = points @ normal
    return points[np.abs(depth[:, np.newaxis] - there).min(axis=1) < 0.01]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_reader_sees_the_same_masks(geometry: str, tmp_path: Path) -> None:
    volume, labels, on_source = make(geometry, tmp_path / "ct")
    folder = write(tmp_path / "out", volume, labels)
    validate(folder / SEG_FILE)
    validate(folder / SR_FILE)
    seg = hd.seg.segread(folder / SEG_FILE)
    itk = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / SEG_FILE)))
    np.testing.assert_array_equal(itk > 0, seg.pixel_array > 0)
    images, described = dcmqi_segments(folder / SEG_FILE, tmp_path / "dcmqi")
    assert len(images) == 2
    for number, image in enumerate(images, start=1):
        expected = shown(volume, labels, number)
        assert len(expected) == np.count_nonzero(on_source == number) > 0
        np.testing.assert_allclose(lps_points(image), sorted_points(expected), atol=0.011)
    first = described["segmentAttributes"][0][0]
    assert first["AnatomicRegionSequence"]["CodeMeaning"] == "Lower lobe of lung"
    assert first["AnatomicRegionModifierSequence"]["CodeMeaning"] == "Right"
    assert first["TrackingUniqueIdentifier"] == "2.25.1001"
    assert np.abs(np.array(first["recommendedDisplayRGBValue"]) - (255, 190, 40)).max() <= 2


def planes_of(seg: Any, volume: CtVolume) -> np.ndarray:
    """By highdicom: shape (source images, R, C, segments)."""
    known = {"ignore_spatial_locations": True, "assert_missing_frames_are_empty": True}
    image = volume.source_images[0]
    if image.frame_number is not None:
        frames = [one.frame_number for one in volume.source_images]
        return np.asarray(seg.get_pixels_by_source_frame(image.sop_instance_uid, frames, **known))
    uids = [one.sop_instance_uid for one in volume.source_images]
    return np.asarray(seg.get_pixels_by_source_instance(uids, **known))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_highdicom_places_masks_and_probabilities(geometry: str, tmp_path: Path) -> None:
    volume, labels, on_source = make(geometry, tmp_path / "ct")
    binary = hd.seg.segread(write(tmp_path / "binary", volume, labels) / SEG_FILE)
    masks = planes_of(binary, volume)
    for number in (1, 2):
        np.testing.assert_array_equal(masks[..., number - 1], on_source == number)
    path = write(tmp_path / "fractional", volume, labels, seg_type="fractional") / SEG_FILE
    validate(path)
    fractional = hd.seg.segread(path)
    assert fractional.SegmentationType == "FRACTIONAL"
    assert fractional.SegmentationFractionalType == "PROBABILITY"
    soft = ndimage.gaussian_filter((labels > 0).astype(np.float32), 1.0)
    slices = [
        round(float(volume.geometry.lps_to_index(image.position_lps_mm)[0]))
        for image in volume.source_images
    ]
    said = planes_of(fractional, volume)
    for number in (1, 2):
        inside = on_source == number
        np.testing.assert_allclose(said[..., number - 1][inside], soft[slices][inside], atol=0.003)
        # Around the mask too, and nowhere that the network said nothing.
        around = said[..., number - 1] > 0
        assert np.count_nonzero(around) > np.count_nonzero(inside)
        assert soft[slices][around].min() > 0
    images, _ = dcmqi_segments(path, tmp_path / "dcmqi")
    for number, image in enumerate(images):
        read = sitk.GetArrayFromImage(image)
        assert read.max() == pytest.approx(255 * said[..., number].max(), abs=0.5)
        assert np.count_nonzero(read) == np.count_nonzero(said[..., number])


def test_all_frames_are_in_the_source_s_order(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    for kind in ("binary", "fractional"):
        folder = tmp_path / kind
        path = write(folder, volume, two_labels(), seg_all_frames=True, seg_type=kind) / SEG_FILE
        validate(path)
        seg = dcmread(path)
        assert seg.NumberOfFrames == 2 * SHAPE[0]
        heights = [
            frame.PlanePositionSequence[0].ImagePositionPatient[2]
            for frame in seg.PerFrameFunctionalGroupsSequence
        ]
        # Segment by segment, and in each from the head down: one direction, none missing.
        downwards = [image.position_lps_mm[2] for image in volume.source_images[::-1]]
        assert heights == pytest.approx([*downwards, *downwards])
        images, _ = dcmqi_segments(path, folder / "dcmqi")
        assert [image.GetSize() for image in images] == [SHAPE[::-1]] * 2


def test_tid1500reader_reads_the_numbers(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    folder = write(tmp_path / "out", volume, labels)
    read: Any = dcmqi_report(folder / SR_FILE, tmp_path / "sr.json")
    groups = read["Measurements"]
    assert [group["ReferencedSegment"] for group in groups] == [1, 2]
    seg = dcmread(folder / SEG_FILE)
    for group, finding in zip(groups, result_for(volume, labels).findings, strict=True):
        assert group["segmentationSOPInstanceUID"] == seg.SOPInstanceUID
        assert group["TrackingUniqueIdentifier"] == finding.tracking_uid
        assert group["measurementAlgorithmIdentification"]["AlgorithmName"] == "Nodulus"
        numbers = {
            (
                item["quantity"]["CodeMeaning"],
                item.get("derivationModifier", {}).get("CodeMeaning"),
            ): (float(item["value"]))
            for item in group["measurementItems"]
        }
        assert numbers[("Volume", None)] == pytest.approx(finding.volume_mm3, abs=1e-3)
        assert numbers[("Long axis", None)] == pytest.approx(finding.longest_diameter_mm, abs=1e-3)
        assert numbers[("Attenuation Coefficient", "Mean")] == pytest.approx(
            finding.mean_hu, abs=1e-3
        )
        assert numbers[("Probability of cancer", None)] == pytest.approx(
            100 * finding.malignancy_probability, abs=1e-3
        )
    assert groups[0]["FindingSite"]["CodeMeaning"] == "Lower lobe of lung"
    assert groups[0]["Laterality"]["CodeMeaning"] == "Right"


def test_nodule_between_the_images_keeps_its_number(tmp_path: Path) -> None:
    volume, labels, on_source = with_a_gap(
        write_series(tmp_path / "ct"), two_labels(), slice(14, 16)
    )
    written = write_results(
        tmp_path / "out",
        volume,
        labels,
        result_for(volume, labels),
        options=OutputOptions(key_images=True),
    )
    assert [w.code for w in written.warnings] == ["thick-slices", "nodule-between-images"]
    assert written.warnings[-1].message.endswith("nodule 2.")
    report = (tmp_path / "out" / REPORT_FILE).read_text(encoding="utf-8")
    assert written.warnings[-1].message in report
    validate(tmp_path / "out" / SEG_FILE)
    seg = hd.seg.segread(tmp_path / "out" / SEG_FILE)
    assert seg.number_of_segments == 2
    np.testing.assert_array_equal(planes_of(seg, volume)[..., 0], on_source == 1)
    assert not planes_of(seg, volume)[..., 1].any()
    images, _ = dcmqi_segments(tmp_path / "out" / SEG_FILE, tmp_path / "dcmqi")
    np.testing.assert_allclose(
        lps_points(images[0]), sorted_points(shown(volume, labels, 1)), atol=0.011
    )
    validate(tmp_path / "out" / SR_FILE)
    (measurements,) = (
        item
        for item in dcmread(tmp_path / "out" / SR_FILE).ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )
    lines = [
        item
        for group in measurements.ContentSequence
        for number in group.get("ContentSequence", [])
        for item in number.get("ContentSequence", [])
        if item.ValueType == "SCOORD3D"
    ]
    assert len(lines) == 2  # the axes of nodule 2, which has no segment to look at


def test_no_segmentation_where_no_image_shows_a_nodule(tmp_path: Path) -> None:
    labels = np.where(two_labels() == 2, 1, 0).astype(np.uint8)
    volume, labels, _ = with_a_gap(write_series(tmp_path / "ct"), labels, slice(14, 16))
    written = write_results(
        tmp_path / "out",
        volume,
        labels,
        result_for(volume, labels),
        options=OutputOptions(),
    )
    report = (tmp_path / "out" / REPORT_FILE).read_text(encoding="utf-8")
    assert written.warnings[-1].message in report
    assert not (tmp_path / "out" / SEG_FILE).exists()
    assert "seg" not in written.files
    assert written.files_left_out["seg"] == "all nodules lie on interpolated slices alone"
    validate(tmp_path / "out" / SR_FILE)


@pytest.mark.parametrize(
    "order", [("report", "seg", "sr"), ("sr", "report", "seg"), ("seg", "sr", "report")]
)
def test_the_report_has_every_warning_whatever_is_made_first(
    order: tuple[str, ...], tmp_path: Path
) -> None:
    volume, labels, _ = with_a_gap(write_series(tmp_path / "ct"), two_labels(), slice(14, 16))
    planned = plan(volume, StudyAnalysis(labels, result_for(volume, labels)), OutputOptions())
    made = MadeResults()
    for name in order:
        made |= make_results(planned, [name])
    written = publish_results(tmp_path / "out", planned, made).result
    report = (tmp_path / "out" / REPORT_FILE).read_text(encoding="utf-8")
    assert [w.code for w in written.warnings] == ["thick-slices", "nodule-between-images"]
    assert all(warning.message in report for warning in written.warnings)
