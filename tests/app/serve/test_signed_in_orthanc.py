"""A study of a real Orthanc is read and signed off; the person's objects go back to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
from fastapi.testclient import TestClient
from highdicom.seg import segread
from highdicom.sr import srread
from pydicom import Dataset, dcmread
from pynetdicom import AE

from nodulus.app.deploy.node.orthanc import Orthanc
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.review.desk import Reader
from nodulus.app.review.server.access import Session, loopback_hosts
from nodulus.app.serve.application import create_service_app
from nodulus.app.serve.audit import AuditLog
from nodulus.app.serve.destinations import StowDestination
from nodulus.app.serve.dicom_destination import DicomAddress, DicomDestination
from nodulus.app.serve.sender import Destination, delivery_counts
from nodulus.app.serve.service import Service
from nodulus.app.volume import CtVolume
from tests.app.deploy.orthanc_server import DICOM_PORT, Server, orthanc
from tests.app.results.others import (
    dcmqi_report,
    dcmqi_segments,
    lps_points,
    sorted_points,
    validate,
)
from tests.app.results.synthetic import write_series
from tests.app.results.three_findings import three_labels, told_apart
from tests.app.serve.service_samples import TOKEN, make_service, wait_for
from tests.app.serve.stand_in_chain import CopyingChain

PORT = 12352
OURS = {"SEG", "SR", "PR"}
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, alone: None) -> Iterator[Server]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), {"StableAge": 1}) as running:
        yield running


@dataclass
class Case:
    """A CT as files, and what the stand-in for the chain makes of it."""

    volume: CtVolume
    files: list[Path]
    results: Path


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("case")
    volume, labels = write_series(folder / "ct"), three_labels()
    options = OutputOptions(report=False, gsps=True)
    results = folder / "results"
    write_results(results, volume, labels, told_apart(volume, labels), options=options)
    return Case(volume, sorted((folder / "ct").iterdir()), results)


def c_store(files: list[Path]) -> None:
    """Send as a scanner does."""
    entity = AE("SCANNER")
    entity.add_requested_context(CT_STORAGE)
    association = entity.associate("127.0.0.1", DICOM_PORT, ae_title="ORTHANC")
    assert association.is_established
    for file in files:
        assert association.send_c_store(dcmread(file)).Status == 0
    association.release()


def held(server: Server, folder: Path) -> list[tuple[Dataset, Path]]:
    """What Orthanc holds besides the CT, as files."""
    found = []
    for instance in server.get("/instances"):
        path = folder / f"{instance}.dcm"
        if not path.exists():
            answer = requests.get(
                f"{server.url}/instances/{instance}/file", auth=server.auth, timeout=60
            )
            path.write_bytes(answer.content)
        dataset = dcmread(path)
        if dataset.Modality != "CT":
            found.append((dataset, path))
    return found


class Reading:
    """A reader of the study in the service."""

    def __init__(self, service: Service, desk: Any) -> None:
        log = AuditLog(service.database)
        access = Session(loopback_hosts(PORT), Reader("Jane Doe"), TOKEN)
        app = create_service_app(service, desk, access, log, "clinic")
        self.client = TestClient(
            app,
            base_url=f"http://127.0.0.1:{PORT}",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        self.key = ""

    def state(self) -> Any:
        answer = self.client.get(f"/api/studies/{self.key}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def enter(self, kind: str, finding: str | None = None, **data: object) -> None:
        version = self.state()["version"]
        entry = {"kind": kind, "finding": finding, "data": data, "expected_version": version}
        answer = self.client.post(f"/api/studies/{self.key}/entries", json=entry)
        assert answer.status_code == 200, answer.text


@contextmanager
def reading(
    data: Path,
    server: Server,
    chain: CopyingChain,
    destinations: dict[str, Destination],
) -> Iterator[tuple[Service, Reading]]:
    """Run a service beside the Orthanc."""
    source = Orthanc(server.url, *server.auth)
    service, desk = make_service(data, orthanc=source, runner=chain, destinations=destinations)
    reader = Reading(service, desk)
    service.start(lambda: None)
    try:
        yield service, reader
    finally:
        service.stop()
        desk.close()
        service.database.close()


@pytest.mark.orthanc
def test_what_a_reader_signs_off_is_in_the_orthanc_that_the_study_came_from(
    server: Server, case: Case, data: Path, tmp_path: Path
) -> None:
    """Results go back by Orthanc's own interface, by STOW-RS and by C-STORE."""
    web = StowDestination(f"{server.url}/dicom-web", *server.auth)
    pacs = DicomDestination(DicomAddress("ORTHANC", "127.0.0.1", DICOM_PORT))
    destinations: dict[str, Destination] = {"stow": web, "store": pacs}
    chain = CopyingChain(data / "results", case.results)
    files = tmp_path / "held"
    files.mkdir()
    with reading(data, server, chain, destinations) as (service, reader):
        sent = lambda: delivery_counts(service.database)["sent"]  # noqa: E731
        c_store(case.files)
        wait_for(lambda: sent() == 3 * len(OURS), 120)
        automatic = held(server, files)
        assert Counter(one.Modality for one, _ in automatic) == dict.fromkeys(OURS, 1)

        reader.key = case.volume.study_uid
        reader.enter("accept", "1")
        reader.enter("change", "1", texture="ground-glass", malignancy=4)
        reader.enter("reject", "2", reason="vessel", text="a branch")
        reader.enter("accept", "3")
        reader.enter("comment", text="seen by a person")
        reader.enter("sign-off")
        wait_for(lambda: sent() == 3 * len(OURS) + 6, 120)
        known = {one.SOPInstanceUID for one, _ in automatic}
        signed = {
            o.Modality: (o, p) for o, p in held(server, files) if o.SOPInstanceUID not in known
        }
        assert set(signed) == {"SR", "SEG"}
        findings = {one["id"]: one for one in reader.state()["findings"]}
        check_sr(*signed["SR"], signed["SEG"][0], findings, tmp_path)
        check_seg(*signed["SEG"], case.volume, tmp_path)
        for dataset, path in [*automatic, *signed.values()]:
            validate(path)
            assert dataset.PatientID == dcmread(case.files[0]).PatientID

        reader.enter("reopen", reason="one more look")
        reader.enter("unsure", "3")
        reader.enter("accept", "3")
        reader.enter("sign-off")
        wait_for(lambda: sent() == 3 * len(OURS) + 12, 120)
        wait_for(lambda: all(s["IsStable"] for s in server.get("/studies?expand")), 60)
        assert [(s.state, s.attempts) for s in service.queue.studies()[1]] == [("done", 1)]
    (study,) = server.get("/studies?expand")
    assert study["MainDicomTags"]["StudyInstanceUID"] == case.volume.study_uid
    series = [server.get(f"/series/{one}") for one in study["Series"]]
    kinds = Counter(one["MainDicomTags"]["Modality"] for one in series)
    assert kinds == {"CT": 1, "SEG": 3, "SR": 3, "PR": 1}
    assert sum(len(one["Instances"]) for one in series) == len(case.files) + 7, "each of them once"

    for instance in server.get("/instances"):
        requests.delete(f"{server.url}/instances/{instance}", auth=server.auth, timeout=60)
    objects = [path for _, path in [*automatic, *signed.values()]]
    for destination in destinations.values():  # each alone is enough
        for path in objects:
            destination.send(path)
        alone = tmp_path / "alone"
        alone.mkdir(exist_ok=True)
        got = {one.SOPInstanceUID: one for one, _ in held(server, alone)}
        assert got == {(one := dcmread(path)).SOPInstanceUID: one for path in objects}
        for instance in server.get("/instances"):
            requests.delete(f"{server.url}/instances/{instance}", auth=server.auth, timeout=60)


def check_sr(
    made: Dataset, path: Path, seg: Dataset, findings: dict[str, Any], folder: Path
) -> None:
    """The reader's report, by highdicom and by dcmqi's tid1500reader."""
    assert (made.VerificationFlag, made.CompletionFlag) == ("VERIFIED", "COMPLETE")
    observer = made.VerifyingObserverSequence[0]
    assert observer.VerifyingOrganization == "clinic"
    assert str(observer.VerifyingObserverName) == "Doe^Jane"
    content = srread(path).content
    outlined = content.get_volumetric_roi_measurement_groups()
    (rejected,) = content.get_image_measurement_groups()
    assert [told(group) for group in (*outlined, rejected)] == [
        "Confirmed by the reader with changes",
        "Confirmed by the reader",
        "Rejected by the reader: not a nodule",
    ]
    assert rejected.finding_type is None
    read: Any = dcmqi_report(path, folder / "sr.json")
    assert read["observerContext"]["PersonObserverName"] == "Doe^Jane"
    groups = read["Measurements"]
    assert [group.get("ReferencedSegment") for group in groups] == [1, None, 2]
    for group, finding in zip(groups, findings.values(), strict=True):
        numbers = {i["quantity"]["CodeMeaning"]: i["value"] for i in group["measurementItems"]}
        assert float(numbers["Volume"]) == pytest.approx(finding["volume_mm3"], abs=1e-3)
        if "ReferencedSegment" in group:
            assert group["segmentationSOPInstanceUID"] == seg.SOPInstanceUID


def told(group: Any) -> str:
    """What the reader has decided."""
    said = {one.name.meaning: one.value.meaning for one in group.get_qualitative_evaluations()}
    return said["Reader's decision on the finding"]


def check_seg(made: Dataset, path: Path, volume: CtVolume, folder: Path) -> None:
    """What was let stand, by highdicom and by dcmqi's segimage2itkimage."""
    assert [s.SegmentAlgorithmType for s in made.SegmentSequence] == ["AUTOMATIC", "AUTOMATIC"]
    masks = three_labels() == 1, three_labels() == 3
    images, _ = dcmqi_segments(path, folder / "segments")
    ours = segread(path)
    sources = [one.sop_instance_uid for one in volume.source_images]
    frames = ours.get_pixels_by_source_instance(sources, assert_missing_frames_are_empty=True)
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        np.testing.assert_array_equal(frames[..., number] > 0, mask)
        expected = sorted_points(volume.geometry.index_to_lps(np.argwhere(mask)))
        np.testing.assert_allclose(lps_points(image), expected, atol=0.011)
