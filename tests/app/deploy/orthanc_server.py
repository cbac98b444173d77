"""A real Orthanc for the tests, reachable by nobody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
HTTP_PORT, DICOM_PORT = 8042, 4242
START_S = 60.0


@dataclass(frozen=True)
class Server:
    """Where it answers, and who may ask."""

    url: str
    auth: tuple[str, str]

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, auth=self.auth, timeout=60)
        answer.raise_for_status()
        return answer.json()


def why_not() -> str | None:
    """Give the reason for which there can be no Orthanc here."""
    if shutil.which("Orthanc") is None:
        return "needs Orthanc (Debian package orthanc)"
    return None if PLUGIN.exists() else "needs Orthanc's DICOMweb (Debian package orthanc-dicomweb)"


@contextmanager
def orthanc(folder: Path, config: Mapping[str, Any]) -> Iterator[Server]:
    """Run Orthanc; to be called within a network of one's own, as it listens everywhere.

    Args:
        folder: for its database; survives it.
        config: more of its configuration; may name users.
    """
    user, password = next(iter(config.get("RegisteredUsers", {"test": "test"}).items()))
    content = {
        "RegisteredUsers": {user: password},
        **config,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": HTTP_PORT,
        "DicomPort": DICOM_PORT,
    }
    folder.mkdir(exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(content))
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [shutil.which("Orthanc") or "Orthanc", str(folder / "orthanc.json")],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(f"http://127.0.0.1:{HTTP_PORT}", (user, os.path.expandvars(password)))
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            server.get("/system")
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"Orthanc did not answer: {log.read_text(errors='replace')[-2000:]}")
