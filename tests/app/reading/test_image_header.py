"""Multi-frame files are read as single frames are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import load_volume

from .dicom_factory import body_hu, write_multiframe, write_series


@pytest.mark.parametrize("all_per_frame", [False, True])
def test_multiframe_equals_single_frames(tmp_path: Path, all_per_frame: bool) -> None:
    hu = body_hu()
    intercepts = [-1024.0 - k for k in range(len(hu))]
    path = write_multiframe(
        tmp_path / "enhanced.dcm", hu, intercepts=intercepts, all_per_frame=all_per_frame
    )
    write_series(tmp_path / "single", hu)
    enhanced, single = load_volume(path), load_volume(tmp_path / "single")
    assert np.array_equal(enhanced.hu, hu)
    assert enhanced.is_source_grid
    assert enhanced.geometry.almost_equal(single.geometry)
    assert enhanced.facts.convolution_kernel == "STANDARD"
    assert enhanced.facts.slice_thickness_mm == 3.0


def test_frame_numbers_follow_position(tmp_path: Path) -> None:
    volume = load_volume(write_multiframe(tmp_path / "e.dcm", body_hu(), shuffle=None))
    assert [image.frame_number for image in volume.source_images] == list(range(1, 41))
    shuffled = load_volume(write_multiframe(tmp_path / "s.dcm", body_hu(), shuffle=3))
    numbers = [image.frame_number for image in shuffled.source_images]
    assert sorted(numbers) == list(range(1, 41))
    assert numbers != sorted(numbers)
    assert len({image.sop_instance_uid for image in shuffled.source_images}) == 1


def test_frames_without_position(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            del frame.PlanePositionSequence

    path = write_multiframe(tmp_path / "e.dcm", body_hu(), edit=edit)
    with pytest.raises(NodulusError, match="ImagePositionPatient") as caught:
        load_volume(path)
    assert caught.value.code is ErrorCode.MISSING_ATTRIBUTE


def test_cut_off_multiframe(tmp_path: Path) -> None:
    path = write_multiframe(tmp_path / "e.dcm", body_hu())
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(NodulusError) as caught:
        load_volume(path)
    assert caught.value.code is ErrorCode.TRUNCATED_FILE
