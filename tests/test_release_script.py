"""The parts of `make release` that need no package index."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", REPOSITORY / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("licence", "is_refused"),
    [
        ("MIT", False),
        ("Apache-2.0 AND BSD-3-Clause AND (MIT OR BSL-1.0)", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", True),  # the part in brackets is no name
        ("GPL-3.0-only", True),
        ("MIT AND GPL-2.0-or-later", True),
        ("Apache-2.0 AND Commons-Clause", True),
        ("UNKNOWN", True),
        ("", True),
    ],
)
def test_licences_are_those_of_the_list(
    release: ModuleType, licence: str, is_refused: bool
) -> None:
    found = release.refused_licences([{"Name": "a", "Version": "1", "License": licence}])
    assert found == ([f"a 1: {licence}"] if is_refused else [])


def test_nvidias_libraries_of_pytorch_are_not_judged(release: ModuleType) -> None:
    licence = {"Version": "1", "License": "LicenseRef-NVIDIA-Proprietary"}
    names = ("nvidia-nccl-cu13", "cuda-toolkit", "other")
    found = release.refused_licences([{"Name": name, **licence} for name in names])
    assert found == ["other 1: LicenseRef-NVIDIA-Proprietary"]


def test_checksums_hold_and_are_signed(
    release: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("gpg") is None or shutil.which("sha256sum") is None:
        pytest.skip("needs gpg and sha256sum")
    (tmp_path / "a.whl").write_bytes(b"wheel")
    (tmp_path / "b.cdx.json").write_text(json.dumps({}))
    with tempfile.TemporaryDirectory(prefix="gpg") as home:  # a socket's path must be short
        monkeypatch.setenv("GNUPGHOME", home)
        Path(home).chmod(0o700)
        make = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "release@example.org"]
        subprocess.run(make, check=True, capture_output=True)
        release.write_sums(tmp_path, "release@example.org")
        check = ["gpg", "--verify", "SHA256SUMS.asc", "SHA256SUMS"]
        subprocess.run(check, cwd=tmp_path, check=True, capture_output=True)
        subprocess.run(["gpgconf", "--kill", "all"], check=False, env=os.environ)
    checked = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert checked.stdout.splitlines() == ["a.whl: OK", "b.cdx.json: OK"]
