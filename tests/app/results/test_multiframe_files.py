"""A series in several multi-frame files: no object refers to it, and the rest is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset

from nodulus.app.reading import load_volume
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from tests.app.reading.dicom_factory import body_hu, uid, write_multiframe
from tests.app.results.synthetic import result_for

HU = body_hu()


def one_series(dataset: Dataset, _k: int) -> None:
    dataset.SeriesInstanceUID = uid("one series")


def test_several_frames_in_several_files(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_multiframe(source / "lower.dcm", HU[:20], edit=one_series)
    write_multiframe(
        source / "upper.dcm", HU[20:], first_lps_mm=(-100.0, -80.0, -240.0), edit=one_series
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
