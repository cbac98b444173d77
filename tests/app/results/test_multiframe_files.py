"""A series in several multi-frame files: no object refers to it, and the rest is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from nodulus.app.reading import load_volume
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.sources import read_source_headers
from nodulus.app.results.write_results import write_results
from tests.app.reading.dicom_factory import body_hu, uid, write_multiframe
from tests.app.results.others import validate
from tests.app.results.synthetic import result_for

HU = body_hu()


def one_series(dataset: Dataset, _k: int) -> None:
    dataset.SeriesInstanceUID = uid("one series")


def test_several_frames_in_several_files(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_multiframe(source / "lower.dcm", HU[:20], edit=one_series)
    write_multiframe(
        source / "upper.dcm",
        HU[20:],
        first_lps_mm=(-100.0, -80.0, -240.0),
        edit=one_series,
        shuffle=7,
    )
    volume = load_volume(source)
    assert np.array_equal(volume.hu, HU)
    labels = np.zeros(HU.shape, np.uint8)
    labels[18:23, 8:12, 6:10] = 1
    options = OutputOptions(key_images=True, pdf=True)
    result = write_results(
        tmp_path / "out", volume, labels, result_for(volume, labels), options=options
    )
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"findings.json", "report.html", "report_pdf.dcm", "nodules_mask.nii.gz"} <= written
    assert not {"nodules_seg.dcm", "nodules_sr.dcm", "key_objects.dcm"} & written
    for what in ("seg", "sr", "key_images"):
        assert "several multi-frame files" in result.files_left_out[what]
    sources = read_source_headers(volume)
    assert sorted(sources.planes) == list(range(len(HU)))
    numbers = [image.frame_number for image in volume.source_images]
    assert sorted(numbers[:20]) == list(range(1, 21))
    assert numbers[:20] != numbers[20:], "nothing to tell apart"
    assert [sources.image_number(k) for k in range(len(HU))] == numbers


def test_one_frame_in_each_file(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for k in range(len(HU)):
        write_multiframe(
            source / f"{k:02d}.dcm",
            HU[k : k + 1],
            first_lps_mm=(-100.0, -80.0, -300.0 + 3.0 * k),
            edit=one_series,
        )
    volume = load_volume(source)
    assert np.array_equal(volume.hu, HU)
    labels = np.zeros(HU.shape, np.uint8)
    labels[18:23, 8:12, 6:10] = 1
    result = write_results(
        tmp_path / "out", volume, labels, result_for(volume, labels), options=OutputOptions()
    )
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"findings.json", "report.html", "nodules_mask.nii.gz"} <= written
    assert "several multi-frame files" in result.files_left_out["seg"]


def without_place(frame: Dataset) -> None:
    del frame.PlanePositionSequence


def other_spacing(frame: Dataset) -> None:
    frame.PixelMeasuresSequence[0].PixelSpacing = [3, 3]


def other_thickness(frame: Dataset) -> None:
    frame.PixelMeasuresSequence[0].SliceThickness = "1.5"


def without_spacing(frame: Dataset) -> None:
    del frame.PixelMeasuresSequence[0].PixelSpacing


def one_spacing(frame: Dataset) -> None:
    frame.PixelMeasuresSequence[0].PixelSpacing = [2]


def without_length(frame: Dataset) -> None:
    frame.PlaneOrientationSequence[0].ImageOrientationPatient = [0, 0, 0, 0, 1, 0]


def directions_that_coincide(frame: Dataset) -> None:
    frame.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 1, 0, 0]


def no_spacing_at_all(frame: Dataset) -> None:
    frame.PixelMeasuresSequence[0].PixelSpacing = [0, 0]


def place_of_another(frame: Dataset) -> None:
    frame.PlanePositionSequence[0].ImagePositionPatient = [-100, -80, -240]


def other_direction(frame: Dataset) -> None:
    frame.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


@pytest.mark.parametrize("which", [0, len(HU) - 1])
@pytest.mark.parametrize(
    "odd",
    [
        without_place,
        place_of_another,
        without_spacing,
        one_spacing,
        no_spacing_at_all,
        other_spacing,
        other_thickness,
        other_direction,
        without_length,
        directions_that_coincide,
    ],
    ids=lambda f: f.__name__,
)
def test_one_frame_that_differs_costs_no_result(odd: object, which: int, tmp_path: Path) -> None:
    def edit(dataset: Dataset, _k: int) -> None:
        assert callable(odd)
        odd(dataset.PerFrameFunctionalGroupsSequence[which])

    source = tmp_path / "in"
    write_multiframe(source / "ct.dcm", HU, edit=edit, all_per_frame=True, shuffle=None)
    volume = load_volume(source)
    labels = np.zeros(volume.hu.shape, np.uint8)
    labels[18:23, 8:12, 6:10] = 1
    options = OutputOptions(key_images=True, pdf=True)
    result = write_results(
        tmp_path / "out", volume, labels, result_for(volume, labels), options=options
    )
    assert result.files_left_out == {}
    written = dcmread(tmp_path / "out" / "nodules_seg.dcm")
    validate(tmp_path / "out" / "nodules_seg.dcm")
    validate(tmp_path / "out" / "nodules_sr.dcm")
    seen = [
        float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        for group in written.PerFrameFunctionalGroupsSequence
    ]
    expected = volume.geometry.index_to_lps([[k, 0, 0] for k in range(18, 23)])[:, 2]
    np.testing.assert_allclose(sorted(seen), expected, atol=1e-6)
    measures = written.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(v) for v in measures.PixelSpacing] == list(volume.geometry.spacing_irc_mm[1:])


def test_two_phases_in_one_file(tmp_path: Path) -> None:
    """The second phase has the places of the first."""

    def edit(dataset: Dataset, _k: int) -> None:
        for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            content = Dataset()
            content.FrameAcquisitionNumber = 1 + number // len(HU)
            content.TemporalPositionIndex = 1 + number // len(HU)
            frame.FrameContentSequence = [content]
            if number >= len(HU):
                first = dataset.PerFrameFunctionalGroupsSequence[number - len(HU)]
                frame.PlanePositionSequence = first.PlanePositionSequence

    source = tmp_path / "in"
    write_multiframe(source / "ct.dcm", np.concatenate([HU, HU]), edit=edit, shuffle=None)
    volume = load_volume(source)
    labels = np.zeros(volume.hu.shape, np.uint8)
    labels[18:23, 8:12, 6:10] = 1
    result = write_results(
        tmp_path / "out", volume, labels, result_for(volume, labels), options=OutputOptions()
    )
    assert result.files_left_out == {}
    written = dcmread(tmp_path / "out" / "nodules_seg.dcm")
    frames = {
        int(group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber)
        for group in written.PerFrameFunctionalGroupsSequence
    }
    assert frames == {volume.source_images[k].frame_number for k in range(18, 23)}
