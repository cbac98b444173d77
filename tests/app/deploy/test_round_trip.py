"""What a PACS stores of ours it gives back unchanged, by every way in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from tests.app.deploy.orthanc_server import DICOM_PORT, Server, orthanc
from tests.app.results.synthetic import result_for, two_labels, write_series


def make_study(folder: Path) -> list[Path]:
    """A CT of 20 slices with Nodulus's objects about it."""
    volume, labels = write_series(folder / "ct"), two_labels()
    options = OutputOptions(report=False)
    write_results(folder / "out", volume, labels, result_for(volume, labels), options=options)
    return [*sorted((folder / "ct").iterdir()), *sorted((folder / "out").rglob("*.dcm"))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, alone: None) -> Iterator[Server]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), {}) as running:
        yield running


def by_c_store(server: Server, files: list[Path]) -> None:
    entity = AE(ae_title="NODULUS")
    for sop_class in {dcmread(file, stop_before_pixels=True).SOPClassUID for file in files}:
        entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", DICOM_PORT, ae_title="ORTHANC")
    assert association.is_established
    statuses = [association.send_c_store(str(file)).Status for file in files]
    association.release()
    assert statuses == [0x0000] * len(files)


def by_stow_rs(server: Server, files: list[Path]) -> None:
    answer = client(server).store_instances([dcmread(file) for file in files])
    assert len(answer.ReferencedSOPSequence) == len(files)
    # Orthanc sends the sequence of failures always, also without any.
    assert len(answer.get("FailedSOPSequence", [])) == 0


def client(server: Server) -> DICOMwebClient:
    session = requests.Session()
    session.auth = server.auth
    return DICOMwebClient(f"{server.url}/dicom-web", session=session)


@pytest.mark.orthanc
@pytest.mark.parametrize("store", [by_c_store, by_stow_rs])
def test_a_pacs_gives_back_what_it_was_sent(store, server: Server, tmp_path: Path) -> None:
    files = make_study(tmp_path)
    store(server, files)
    sent = {dataset.SOPInstanceUID: dataset for dataset in map(dcmread, files)}
    study = next(iter(sent.values())).StudyInstanceUID
    given = {d.SOPInstanceUID: d for d in client(server).retrieve_study(study)}
    assert set(given) == set(sent)
    assert {d.Modality for d in given.values()} == {"CT", "SEG", "SR"}
    for uid, dataset in sent.items():
        assert given[uid] == dataset, dataset.SOPClassUID
        assert given[uid].file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
        if "PixelData" in dataset:
            assert given[uid].PixelData == dataset.PixelData


@pytest.mark.orthanc
def test_a_viewer_finds_the_study_and_its_frames(server: Server, tmp_path: Path) -> None:
    files = make_study(tmp_path)
    by_stow_rs(server, files)
    web = client(server)
    seg = next(d for d in map(dcmread, files) if d.Modality == "SEG")
    study = seg.StudyInstanceUID
    series = web.search_for_series(study, fields=["Modality"])
    assert {Dataset.from_json(s).Modality for s in series} == {"CT", "SEG", "SR"}
    ct = dcmread(files[0])
    assert ct.SOPClassUID == CTImageStorage
    names = (study, ct.SeriesInstanceUID, ct.SOPInstanceUID)
    (frame,) = web.retrieve_instance_frames(
        *names, frame_numbers=[1], media_types=("application/octet-stream",)
    )
    assert frame == ct.PixelData
    frames = web.retrieve_instance_frames(
        study,
        seg.SeriesInstanceUID,
        seg.SOPInstanceUID,
        frame_numbers=list(range(1, int(seg.NumberOfFrames) + 1)),
        media_types=("application/octet-stream",),
    )
    packed = np.unpackbits(np.frombuffer(b"".join(frames), np.uint8), bitorder="little")
    np.testing.assert_array_equal(packed.reshape(-1, seg.Rows, seg.Columns), seg.pixel_array)
