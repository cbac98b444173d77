"""Studies of a real Orthanc are taken, and their results stored in it, once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests

pytest.importorskip("fastapi")

from nodulus.app.deploy.node.orthanc import Orthanc
from nodulus.app.serve.sender import delivery_counts
from tests.app.deploy.orthanc_server import Server, orthanc
from tests.app.serve.service_samples import make_service, make_study, wait_for


def _instances(server: Server) -> int:
    return int(server.get("/statistics")["CountInstances"])


def test_studies_of_an_orthanc_are_taken_once(alone: None, data: Path, tmp_path: Path) -> None:
    with orthanc(tmp_path / "orthanc", {"StableAge": 1}) as server:
        for file in make_study(tmp_path / "a", "a", slices=3):
            requests.post(
                f"{server.url}/instances", data=file.read_bytes(), auth=server.auth, timeout=60
            ).raise_for_status()
        for _ in range(2):  # a second service finds nothing to do
            service, desk = make_service(data, orthanc=Orthanc(server.url, *server.auth))
            service.start(lambda: None)
            try:
                wait_for(lambda: delivery_counts(service.database)["sent"] == 1, 120)  # noqa: B023
                time.sleep(1)
            finally:
                service.stop()
                desk.close()
            study = service.queue.studies()[1][0]
            assert (study.state, study.source, study.attempts) == ("done", "orthanc", 1)
            assert _instances(server) == 4, "three images and the report"
