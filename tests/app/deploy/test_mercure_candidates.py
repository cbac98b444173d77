"""Candidates of other tools in the settings of the mercure module."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from nodulus.app.deploy.containers.mercure import main
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import (
    FAINT_LPS,
    FAINT_RADIUS,
    ball,
    with_faint_ball,
    write_nifti,
    write_seg,
    write_table,
)
from tests.app.reading.dicom_factory import write_series

OWN = "nodulus-segmentation"


pytestmark = pytest.mark.usefixtures("fake_models")


@pytest.fixture
def images(volume: CtVolume, tmp_path: Path) -> list[Path]:
    faint = with_faint_ball(volume)
    first = volume.geometry.affine_lps[:3, 3]
    place = {"spacing_mm": (1.5, 1.5), "step_mm": 2.0, "first_lps_mm": first}
    return write_series(tmp_path / "in", faint.hu, **place)


def processed(folder: Path, **settings: object) -> tuple[int, dict[str, object]]:
    """The status of a task with these settings, and its result.json."""
    folder.mkdir(exist_ok=True)
    (folder / "task.json").write_text(json.dumps({"process": {"settings": settings}}))
    out = folder.parent / "out"
    status = main({"MERCURE_IN_DIR": str(folder), "MERCURE_OUT_DIR": str(out)})
    return status, json.loads((out / "result.json").read_text())


def test_marks_of_a_folder_and_of_the_study_become_findings(
    tmp_path: Path, volume: CtVolume, images: list[Path]
) -> None:
    """One finding of a mask that is named after the series, one of a SEG among the images."""
    series = str(dcmread(images[0]).SeriesInstanceUID)
    (tmp_path / "masks").mkdir()
    mask = ball(volume.geometry, FAINT_LPS, FAINT_RADIUS)
    write_nifti(tmp_path / f"masks/{series}.nii.gz", mask.astype(np.uint8), volume.geometry)
    table = write_table(tmp_path / "t.csv", [(series, *FAINT_LPS, 0.99)])
    write_seg(tmp_path / "in" / "1#2.dcm", images, {"nodule": mask})
    status, told = processed(
        tmp_path / "in",
        candidates=[f"net={table}", str(tmp_path / "masks")],
        candidates_only=True,
        candidates_of_study=True,
    )
    assert (status, told["errors"]) == (0, [])
    (written,) = (tmp_path / "out").glob("*.findings.json")
    result = json.loads(written.read_text())
    sources = {one["name"] for one in result["candidate_sources"]}
    assert sources == {OWN, "net", "masks", "study"}
    (finding,) = result["findings"]
    assert {one["source"] for one in finding["seen_by"]} == {"net", "masks", "study"}


def test_one_file_stands_for_a_list_of_one_beside_the_segmentation(
    tmp_path: Path, images: list[Path]
) -> None:
    series = str(dcmread(images[0]).SeriesInstanceUID)
    table = write_table(tmp_path / "net.csv", [(series, *FAINT_LPS, 0.99)])
    status, _ = processed(tmp_path / "in", candidates=str(table), report=False)
    assert status == 0
    (written,) = (tmp_path / "out").glob("*.findings.json")
    result = json.loads(written.read_text())
    assert [one["name"] for one in result["candidate_sources"]] == [OWN, "net"]
    seen_by = [[one["source"] for one in f["seen_by"]] for f in result["findings"]]
    assert ["net"] in seen_by
    assert [OWN] in seen_by


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"candidates_only": True}, "[settings-invalid]"),
        ({"candidates": [7]}, "[settings-invalid]"),
        ({"candidates": "/no/such/file.csv"}, "[input-not-found] /no/such/file.csv"),
        ({"candidates": ["{label}"]}, "does not say of which scan it is"),
        ({"candidates": ["{table}"], "deidentify": True}, "no file name may go into the results"),
        ({"candidates": ["a={table}", "a={table}"]}, "are called 'a'"),
    ],
)
def test_what_cannot_be_used_fails_the_task_and_is_named(
    tmp_path: Path, volume: CtVolume, settings: dict[str, object], named: str
) -> None:
    """Before any image is read: the folder has none."""
    mask = ball(volume.geometry, FAINT_LPS, FAINT_RADIUS).astype(np.uint8)
    label = write_nifti(tmp_path / "label.nii.gz", mask, volume.geometry)
    table = write_table(tmp_path / "net.csv", [("1.2.3", *FAINT_LPS, 0.99)])
    if isinstance(given := settings.get("candidates"), list):
        texts = [str(one).format(label=label, table=table) for one in given]
        settings = {**settings, "candidates": texts if given != [7] else given}
    status, told = processed(tmp_path / "in", **settings)
    assert status == 1
    (error,) = told["errors"]
    assert named in error
