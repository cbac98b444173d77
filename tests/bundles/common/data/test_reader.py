"""A bundle reads images, and refuses DICOM with a command that reads it."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nodulus.app.commands.detect import command
from nodulus.bundles.common.data.reader import DicomError, SimpleITKReader, read_image
from nodulus.bundles.common.data.unannotated_images import bare_studies, find_images


@pytest.fixture
def series(tmp_path: Path) -> Path:
    folder = tmp_path / "a study" / "series"
    folder.mkdir(parents=True)
    for n in range(3):
        image = sitk.GetImageFromArray(np.zeros((4, 5), np.int16))
        sitk.WriteImage(image, str(folder / f"{n}.dcm"))
    return folder


def write_image(path: Path) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5), np.int16)), str(path))
    return path


def test_a_folder_with_dicom_is_refused_even_beside_images(series: Path) -> None:
    write_image(series.parent / "scan.nii.gz")
    for place in (series, series.parent, series.parent.parent):
        with pytest.raises(DicomError, match="DICOM"):
            find_images(place)
    with pytest.raises(DicomError):
        bare_studies(series.parent)


def test_a_dicom_file_is_refused_with_and_without_its_preamble(series: Path) -> None:
    (path,) = find_images(series / "0.dcm")
    bare = series / "bare"
    bare.write_bytes(path.read_bytes()[132:])
    for one in (path, series):
        with pytest.raises(DicomError, match="does not read"):
            SimpleITKReader().read(one)
    with pytest.raises(ValueError, match="bare"):
        SimpleITKReader().read(bare)


def test_the_remedy_is_a_command_that_takes_the_folder(series: Path) -> None:
    with pytest.raises(DicomError) as refused:
        find_images(series)
    name, verb, *arguments = shlex.split(str(refused.value).split("`")[1])
    assert (name, verb) == ("nodulus", "detect")
    given = command.make_context("detect", arguments).params
    assert given["source"] == series
    assert given["keep_intermediates"] is True


def test_images_are_found_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    expected = [
        write_image(tmp_path / "deep" / "deeper" / "b.nrrd"),
        write_image(tmp_path / "a.mhd"),
    ]
    (tmp_path / "points.csv").write_text("seriesuid\n")
    assert find_images(tmp_path) == sorted(expected)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match="no image"):
        find_images(empty)


def test_what_is_no_3d_image_is_named(tmp_path: Path) -> None:
    flat = tmp_path / "flat.png"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 5), np.uint8)), str(flat))
    with pytest.raises(ValueError, match=r"flat\.png: its shape is 5 x 4"):
        read_image(flat)
    text = tmp_path / "text.nii"
    text.write_text("no image")
    with pytest.raises(ValueError, match=r"text\.nii: SimpleITK cannot read it"):
        read_image(text)
