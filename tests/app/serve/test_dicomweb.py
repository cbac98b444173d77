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

PRIVATE_CREATOR, PRIVATE_BYTES = 0x00110010, 0x00111001
BULK = bytes(range(256)) * 20
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def files(tmp_path: Path) -> list[Dataset]:
    made = [dcmread(path) for path in make_study(tmp_path / "a", "a", slices=3)]
    made[0].add_new(PRIVATE_CREATOR, "LO", "NODULUS TEST")
    made[0].add_new(PRIVATE_BYTES, "OB", BULK)
    made[0].save_as(made[0].filename)
    return made


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


def test_bulk_data_have_an_address(web: DICOMwebClient, live: str, files: list[Dataset]) -> None:
    one = files[0]
    ids = one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID
    element = web.retrieve_instance_metadata(*ids)[f"{PRIVATE_BYTES:08X}"]
    assert "InlineBinary" not in element
    (value,) = web.retrieve_bulkdata(element["BulkDataURI"])
    assert value == BULK
    wrong = element["BulkDataURI"].replace(f"{PRIVATE_BYTES:08X}", "00100010")
    assert httpx.get(wrong, headers=HEADERS).status_code == 400


def test_thumbnails_and_further_attributes(
    web: DICOMwebClient, live: str, files: list[Dataset]
) -> None:
    one = files[0]
    base = f"{live}/dicom-web/studies/{one.StudyInstanceUID}/series"
    series = f"{base}/{one.SeriesInstanceUID}"
    for address in (f"{series}/thumbnail", f"{series}/instances/{one.SOPInstanceUID}/thumbnail"):
        answer = httpx.get(address, headers=HEADERS, timeout=60)
        assert Image.open(io.BytesIO(answer.content)).size == (one.Columns, one.Rows)
    found = web.search_for_series(one.StudyInstanceUID, fields=["00200052", "KVP"])
    ct = next(d for d in map(Dataset.from_json, found) if d.Modality == "CT")
    assert ct.FrameOfReferenceUID == one.FrameOfReferenceUID
    answer = httpx.get(f"{base}?includefield=nothing", headers=HEADERS)
    assert answer.status_code == 400


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
