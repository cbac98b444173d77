from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.app.deploy.conftest import REPOSITORY

CONTAINERS = REPOSITORY / "app" / "deploy" / "containers"


def test_the_image_copies_what_its_builder_is_sent() -> None:
    sent = {
        line[1:]
        for line in (CONTAINERS / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = set()
    for line in (CONTAINERS / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            copied |= set(line.split()[1:-1])
    assert copied == sent
    assert all((REPOSITORY / name).exists() for name in copied)


def test_the_dockerfile_is_clean() -> None:
    hadolint = shutil.which("hadolint") or shutil.which(
        "hadolint", path=str(REPOSITORY / ".venv-package" / "bin")
    )
    if hadolint is None:
        pytest.skip("needs hadolint: make test-deploy")
    done = subprocess.run(
        [hadolint, str(CONTAINERS / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
