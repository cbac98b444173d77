"""One slice from its own file, before the series is read."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from nodulus.app.reading import load_volume
from nodulus.app.result import StudyResult
from nodulus.app.results.file_plan import SEG_FILE
from nodulus.app.review.desk import Desk, Reader
from nodulus.app.review.early_slice import early_slice
from nodulus.transforms.geometry import Geometry
from tests.app.review.conftest import as_reader


@pytest.fixture
def folder(results: Path) -> Path:
    """The study's own."""
    (found,) = (path.parent for path in results.glob("*/findings.json"))
    return found


@pytest.fixture
def result(folder: Path) -> StudyResult:
    return StudyResult.model_validate_json((folder / "findings.json").read_bytes())


@pytest.fixture
def geometry(result: StudyResult) -> Geometry:
    return Geometry(result.volume.shape_irc, np.array(result.volume.affine_lps))


@pytest.fixture
def index(result: StudyResult, geometry: Geometry) -> int:
    """The slice in the middle of the first finding."""
    return round(float(geometry.lps_to_index(result.findings[0].center_lps_mm)[0]))


def test_the_slice_of_a_finding_is_what_the_series_has_there(
    ct: Path, folder: Path, geometry: Geometry, index: int
) -> None:
    hu = early_slice(ct, folder, geometry, index)
    assert hu is not None
    np.testing.assert_array_equal(hu[0], load_volume(ct).hu[index])


def test_nothing_is_given_where_no_segmentation_names_the_image(
    ct: Path, folder: Path, geometry: Geometry, index: int
) -> None:
    assert early_slice(ct, folder, geometry, 0) is None, "it has no finding"
    (folder / SEG_FILE).unlink()
    assert early_slice(ct, folder, geometry, index) is None


def test_an_image_that_is_not_there_or_lies_elsewhere_is_not_given(
    ct: Path, folder: Path, geometry: Geometry, index: int, tmp_path: Path
) -> None:
    found = early_slice(ct, folder, geometry, index)
    assert found is not None
    copied = shutil.copytree(ct, tmp_path / "copied")
    z = geometry.index_to_lps([index, 0, 0])[2]
    datasets = {path: dcmread(path) for path in copied.iterdir()}
    (path,) = (
        path
        for path, one in datasets.items()
        if "ImagePositionPatient" in one and abs(float(one.ImagePositionPatient[2]) - z) < 0.01
    )
    datasets[path].ImagePositionPatient[0] += 1.0
    datasets[path].save_as(path)
    assert early_slice(copied, folder, geometry, index) is None, "it lies elsewhere"
    path.write_bytes(path.read_bytes()[:3000])
    assert early_slice(copied, folder, geometry, index) is None, "it is damaged"
    path.unlink()
    assert early_slice(copied, folder, geometry, index) is None
    assert early_slice(tmp_path / "nowhere", folder, geometry, index) is None


def test_the_page_is_given_it_while_the_series_is_not_read(
    make_desk: Callable[..., Desk], ct: Path, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(ct)
    client: httpx.Client = as_reader(desk, Reader("A"))
    (study,) = desk.studies()
    address = f"/api/studies/{study.key}/slice.png"
    asked = {"plane": "axial", "index": index, "outlines": False}

    def picture(**more: object) -> np.ndarray:
        answer = client.get(address, params={**asked, **more})
        assert answer.status_code == 200, answer.text
        return np.asarray(Image.open(io.BytesIO(answer.content)))

    with monkeypatch.context() as patch:
        patch.setattr(desk, "images", lambda _study: pytest.fail("the series is read"))
        early = picture()
    read = desk.images(study)
    with monkeypatch.context() as patch:
        patch.setattr("nodulus.app.review.images.early_slice", lambda *_: pytest.fail("read again"))
        np.testing.assert_array_equal(early, picture())
        assert not np.array_equal(early, picture(index=index + 3))
    assert read is desk.images(study)
