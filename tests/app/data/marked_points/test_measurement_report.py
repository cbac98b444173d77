"""Measurement reports of dcmqi, of highdicom and of Nodulus itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from nodulus.app.data.marked_points.open_points import known_nodules, open_points
from nodulus.app.errors import NodulusError
from nodulus.app.results.file_plan import SEG_FILE, SR_FILE
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from tests.app.exports.conftest import Exported
from tests.app.other_tools import write_dcmqi_report, write_dcmqi_seg, write_highdicom_report

from .conftest import Series

VOLUMES_MM3 = (3000.0, 270.0)


def dcmqi_pair(folder: Path, series: Series) -> tuple[Path, Path]:
    """A report and the segmentation that it refers to, both of dcmqi."""
    seg = write_dcmqi_seg(folder / "seg.dcm", series.folder, series.geometry, series.masks)
    return write_dcmqi_report(folder / "sr.dcm", series.folder, seg, VOLUMES_MM3), seg


def centers(series: Series) -> list[np.ndarray]:
    return [series.geometry.index_to_lps(np.argwhere(m).mean(axis=0)) for m in series.masks]


def test_a_report_of_dcmqi_lies_where_its_segments_do(tmp_path: Path, series: Series) -> None:
    report, _ = dcmqi_pair(tmp_path, series)
    found = open_points(report)
    assert found.series_uids == {series.uid}
    assert [point.name for point in found.points] == ["Nodule 1", "Nodule 2"]
    for point, center, volume in zip(found.points, centers(series), VOLUMES_MM3, strict=True):
        assert point.center_lps_mm == pytest.approx(center, abs=1e-3)
        assert point.diameter_mm == pytest.approx(equivalent_diameter_mm(volume), abs=1e-3)


def test_without_a_measurement_the_segment_gives_the_size(tmp_path: Path, series: Series) -> None:
    report, _ = dcmqi_pair(tmp_path, series)

    def without_numbers(item: Dataset) -> None:
        children = item.get("ContentSequence") or []
        item_children = [child for child in children if child.ValueType != "NUM"]
        for child in item_children:
            without_numbers(child)
        if children:
            item.ContentSequence = item_children

    dataset = dcmread(report)
    without_numbers(dataset)
    dataset.save_as(report)
    for point, mask in zip(open_points(report).points, series.masks, strict=True):
        volume = mask.sum() * series.geometry.voxel_volume_mm3
        assert point.diameter_mm == pytest.approx(equivalent_diameter_mm(volume), abs=0.01)


def test_a_missing_segmentation_is_named(tmp_path: Path, series: Series) -> None:
    report, seg = dcmqi_pair(tmp_path, series)
    uid = str(dcmread(seg).SOPInstanceUID)
    seg.unlink()
    with pytest.raises(NodulusError, match=f"the segmentation {uid}, which is not at hand") as one:
        open_points(report)
    assert one.value.subject == str(report)


def test_another_segmentation_of_that_name_is_refused(tmp_path: Path, series: Series) -> None:
    report, seg = dcmqi_pair(tmp_path, series)
    uid = dcmread(seg).SOPInstanceUID
    write_dcmqi_seg(seg, series.folder, series.geometry, series.masks[:1])
    other = dcmread(seg)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = uid
    other.save_as(seg)
    with pytest.raises(NodulusError, match="segment 2 of a segmentation that has no voxel of it"):
        open_points(report)


def test_coordinates_of_highdicom_in_space_and_on_an_image(tmp_path: Path, series: Series) -> None:
    first, second = centers(series)
    in_space = hd.sr.ImageRegion3D(
        graphic_type=hd.sr.GraphicTypeValues3D.POINT,
        graphic_data=first[np.newaxis],
        frame_of_reference_uid=series.frame_of_reference_uid,
    )
    index = series.geometry.lps_to_index(second)
    slice_, row, column = round(index[0]), index[1], index[2]
    image = dcmread(series.files[slice_])
    # Pixel centres are at halves (PS3.3 C.18.6.1.2).
    corners = np.array([[-2, -2], [-2, 2], [2, 2], [2, -2], [-2, -2]])
    square = np.add(corners, (column + 0.5, row + 0.5))
    on_image = hd.sr.ImageRegion(
        graphic_type=hd.sr.GraphicTypeValues.POLYLINE,
        graphic_data=square,
        source_image=hd.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID),
    )
    path = write_highdicom_report(tmp_path / "sr.dcm", series.files, [in_space, on_image])
    found = open_points(path, series.files)
    assert found.frame_of_reference_uid == series.frame_of_reference_uid
    assert [point.diameter_mm for point in found.points] == [7.5, 7.5]
    assert found.points[0].center_lps_mm == pytest.approx(first, abs=1e-3)
    on_slice = series.geometry.index_to_lps((slice_, row, column))
    assert found.points[1].center_lps_mm == pytest.approx(on_slice, abs=1e-3)


def test_an_own_report_reads_back(axial: Exported) -> None:
    found = open_points(axial.folder / SR_FILE)
    assert found.algorithm == "Nodulus"
    for point, finding in zip(found.points, axial.result.findings, strict=True):
        inside = axial.points(finding.id)
        assert point.center_lps_mm == pytest.approx(inside.mean(axis=0), abs=0.01)
        mean = (finding.longest_diameter_mm + finding.perpendicular_diameter_mm) / 2
        assert point.diameter_mm == pytest.approx(mean, abs=0.5)


def test_without_a_segmentation_the_axes_give_the_place(axial: Exported, tmp_path: Path) -> None:
    """The place of an own report that no SEG belongs to: the coordinates of its measurements."""
    region = hd.sr.ImageRegion3D(
        graphic_type=hd.sr.GraphicTypeValues3D.POLYLINE,
        graphic_data=np.array([[0.0, 0, 0], [0, 6, 8]]),
        frame_of_reference_uid=generate_uid(),
    )
    images = sorted((axial.folder.parent / "ct").rglob("*.dcm"))
    path = write_highdicom_report(tmp_path / "sr.dcm", images[:1], [region])
    dataset = dcmread(path)
    group = next(
        item
        for part in dataset.ContentSequence
        for item in part.get("ContentSequence") or []
        if item.ValueType == "CONTAINER"
    )
    place = next(item for item in group.ContentSequence if item.ValueType == "SCOORD3D")
    number = next(item for item in group.ContentSequence if item.ValueType == "NUM")
    place.RelationshipType = "INFERRED FROM"
    number.ContentSequence = [place]
    group.ContentSequence = [item for item in group.ContentSequence if item is not place]
    dataset.save_as(path)
    (point,) = open_points(path).points
    assert point.center_lps_mm == pytest.approx((0, 3, 4))


def test_reports_of_a_folder_are_the_truth_of_their_series(
    tmp_path: Path, series: Series, axial: Exported
) -> None:
    dcmqi_pair(tmp_path, series)
    for name in (SR_FILE, SEG_FILE):
        shutil.copy(axial.folder / name, tmp_path / f"own_{name}")
    nodules = [nodule for nodule, _ in known_nodules(tmp_path)]
    by_series = [nodule.series_uid for nodule in nodules]
    assert by_series.count(series.uid) == 2
    assert by_series.count(axial.volume.series_uid) == len(axial.result.findings)


def test_what_is_no_report_is_refused(tmp_path: Path, series: Series) -> None:
    with pytest.raises(NodulusError, match="no DICOM report with measurement groups"):
        open_points(series.files[0])
    with pytest.raises(NodulusError, match="no markups of 3D Slicer"):
        known_nodules(series.folder)
