"""Other people's tools that read or judge what is written."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import util
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk


def validate(path: Path) -> None:
    """Fail on any error of dciodvfy (David Clunie's dicom3tools)."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("needs dciodvfy (Debian package dicom3tools)")
    ran = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (ran.stdout + ran.stderr).splitlines()
    assert lines, "dciodvfy said nothing"
    assert [line for line in lines if line.startswith(("Error", "Abort"))] == []


def dcmqi(tool: str, *arguments: str) -> None:
    """Run one of dcmqi's programs."""
    spec = util.find_spec("dcmqi")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs dcmqi (PyPI package dcmqi)")
    program = Path(spec.submodule_search_locations[0]) / "bin" / tool
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def plastimatch(*arguments: str) -> None:
    """Run ``plastimatch convert`` (PyPI package plastimatch)."""
    spec = util.find_spec("plastimatch")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs plastimatch (PyPI package plastimatch)")
    program = Path(spec.submodule_search_locations[0]) / "bin" / "plastimatch"
    call = [program, "convert", *arguments]
    ran = subprocess.run(call, capture_output=True, text=True, check=False)
    if "error while loading shared libraries" in ran.stderr:
        pytest.skip(f"plastimatch does not start: {ran.stderr.strip()}")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def plastimatch_masks(rtstruct: Path, images: Path, folder: Path) -> dict[str, sitk.Image]:
    """Give each ROI of an RT Structure Set as plastimatch fills it on the CT's voxels."""
    folder.mkdir()
    plastimatch(
        *("--input", str(rtstruct), "--referenced-ct", str(images)),
        *("--output-prefix", str(folder), "--prefix-format", "nrrd"),
    )
    return {path.stem: sitk.ReadImage(str(path)) for path in folder.glob("*.nrrd")}


def dcmqi_segments(seg: Path, folder: Path) -> tuple[list[sitk.Image], dict[str, object]]:
    """Read a SEG with dcmqi's segimage2itkimage: an image a segment, and its description."""
    folder.mkdir()
    dcmqi("segimage2itkimage", "--inputDICOM", str(seg), "--outputDirectory", str(folder))
    images = sorted(folder.glob("*.nrrd"), key=lambda path: int(path.stem.split("-")[0]))
    described = json.loads((folder / "meta.json").read_text())
    return [sitk.ReadImage(str(path)) for path in images], described


def dcmqi_report(sr: Path, out: Path) -> dict[str, object]:
    """Read an SR with dcmqi's tid1500reader."""
    dcmqi("tid1500reader", "--inputDICOM", str(sr), "--outputMetadata", str(out))
    read: dict[str, object] = json.loads(out.read_text())
    return read


def lps_points(image: sitk.Image) -> np.ndarray:
    """The LPS points, mm, of an image's voxels that are not 0; shape (n, 3), sorted."""
    index = np.argwhere(sitk.GetArrayFromImage(image) > 0)[:, ::-1]
    direction = np.asarray(image.GetDirection()).reshape(3, 3)
    points = index * np.asarray(image.GetSpacing()) @ direction.T + np.asarray(image.GetOrigin())
    return sorted_points(points)


def sorted_points(points: np.ndarray) -> np.ndarray:
    """Points in one order, whatever they came in; to a hundredth of a mm."""
    rounded = np.round(points, 2) + 0.0
    return rounded[np.lexsort(rounded.T)]
