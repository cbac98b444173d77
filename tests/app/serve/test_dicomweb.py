"""QIDO-RS and WADO-RS, asked by dicomweb-client."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom import Dataset, dcmread

from tests.app.serve.service_samples import TOKEN, make_study, wait_for, zipped

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def files(tmp_path: Path) -> list[Dataset]:
    return [dcmread(path) for path in make_study(tmp_path / "a", "a", slices=3)]


@pytest.fixture
def web(live: str, files: list[Dataset], tmp_path: Path) -> DICOMwebClient:
    """A client of a service with one study that is done, and another."""
    for folder in (tmp_path / "a", tmp_path / "b"):
        found = sorted(folder.iterdir()) if folder.exists() else make_study(folder, "b")
        httpx.post(f"{live}/studies", headers=HEADERS, content=zipped(found)).raise_for_status()

    def done() -> bool:
        counts = httpx.get(f"{live}/studies", headers=HEADERS, timeout=60).json()["counts"]
        return bool(counts["done"] == 2)

    wait_for(done, 120)
    return DICOMwebClient(f"{live}/dicom-web", headers=HEADERS)


def test_dicomweb_client_finds_and_retrieves(web: DICOMwebClient, files: list[Dataset]) -> None:
    study, series = files[0].StudyInstanceUID, files[0].SeriesInstanceUID
    assert len(web.search_for_studies()) == 2
    assert len(web.search_for_studies(limit=1, offset=1)) == 1
    (found,) = web.search_for_studies(search_filters={"StudyInstanceUID": study})
    answer = Dataset.from_json(found)
    assert answer.NumberOfStudyRelatedInstances == 4, "the images and the report"
    assert list(answer.ModalitiesInStudy) == ["CT", "SR"]
    name = str(files[0].PatientName)
    assert len(web.search_for_studies(search_filters={"PatientName": name[:2].lower() + "*"})) == 2
    assert web.search_for_studies(search_filters={"PatientName": "nobody"}) == []
    assert web.search_for_studies(search_filters={"StudyDate": "18000101-18001231"}) == []
    assert len(web.search_for_series(study)) == 2
    assert len(web.search_for_instances(study, series)) == 3
    assert len(web.retrieve_study_metadata(study)) == 4
    one = files[1]
    uid = one.SOPInstanceUID
    (metadata,) = [web.retrieve_instance_metadata(study, series, uid)]
    assert Dataset.from_json(metadata).ImagePositionPatient == one.ImagePositionPatient
    assert web.retrieve_instance(study, series, uid) == one
    assert len(web.retrieve_series(study, series)) == 3
    (frame,) = web.retrieve_instance_frames(study, series, uid, [1])
    values = np.frombuffer(frame, "<i2" if one.PixelRepresentation else "<u2")
    assert np.array_equal(values.reshape(one.Rows, one.Columns), one.pixel_array)
    picture = Image.open(
        io.BytesIO(web.retrieve_instance_rendered(study, series, uid, media_types=("image/png",)))
    )
    assert picture.size == (one.Columns, one.Rows)


def test_what_is_not_there_or_not_asked_well(
    web: DICOMwebClient, live: str, files: list[Dataset]
) -> None:
    study, series = files[0].StudyInstanceUID, files[0].SeriesInstanceUID
    base = f"{live}/dicom-web/studies"
    frames = f"{base}/{study}/series/{series}/instances/{files[0].SOPInstanceUID}/frames"
    for address, status in (
        (f"{base}/1.2.3/series", 404),
        (f"{base}/{study}/series/1.2/metadata", 404),
        (f"{frames}/2", 400),
        (f"{frames}/0", 400),
        (f"{frames}/1,x", 400),
        (f"{frames}/1/rendered?window=1,-5", 400),
        (f"{frames}/1/rendered?window=40,400,linear", 200),
        (f"{base}?NoSuchAttribute=1", 400),
        (f"{base}?00100020=nobody", 200),
    ):
        answer = httpx.get(address, headers=HEADERS, timeout=60)
        assert answer.status_code == status, address
        assert httpx.get(address).status_code == 401
