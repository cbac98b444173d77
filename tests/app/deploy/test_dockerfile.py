"""Dockerfile and compose files hold to their specifications."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

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


def checked(tool: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a checker of the packager's environment."""
    found = shutil.which(tool) or shutil.which(tool, path=str(REPOSITORY / ".venv-package" / "bin"))
    if found is None:
        pytest.skip(f"needs {tool}: make test-deploy")
    return subprocess.run(
        [found, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_the_dockerfile_is_clean() -> None:
    done = checked("hadolint", CONTAINERS / "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_compose_files_hold_to_the_compose_specification() -> None:
    files = sorted(CONTAINERS.glob("compose*.yaml"))
    assert len(files) >= 4
    done = checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *files)
    assert done.returncode == 0, done.stdout


def test_the_check_of_compose_files_can_fail(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a: {imagee: b}}")
    file = tmp_path / "compose.yaml"
    assert checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file).returncode
