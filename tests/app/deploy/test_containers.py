"""The containers' entry point and compose files."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydicom import dcmread

from nodulus.app.commands.node import command
from nodulus.app.deploy.containers.__main__ import detect_arguments
from tests.app.deploy.conftest import REPOSITORY
from tests.app.deploy.sandbox import python_for_everyone, sandboxed, why_not

CONTAINERS = REPOSITORY / "app" / "deploy" / "containers"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may go through; pytest keeps its own private."""
    with TemporaryDirectory(prefix="nodulus-sandbox-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("in", "out", "root", "tmp"):
            (folder / part).mkdir()
        reason = why_not(folder / "out", folder / "root")
        if reason is not None:
            pytest.skip(reason)
        (folder / "out" / "probe").unlink()
        yield folder


def enter(place: Path, models: Path, **environment: object) -> subprocess.CompletedProcess[str]:
    found = python_for_everyone()
    assert found is not None
    python, packages = found
    public = place / "models"
    shutil.copytree(models, public)
    public.chmod(0o755)  # pytest's folder, whose mode it took, is private
    given = {
        "PYTHONPATH": f"{REPOSITORY}:{packages}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "NODULUS_MODELS": str(public),
        "TMPDIR": str(place / "tmp"),  # stands for the tmpfs
        **{key: str(value) for key, value in environment.items()},
    }
    call = [python, "-m", "nodulus.app.deploy.containers"]
    return sandboxed(call, given, [place / "out", place / "tmp"], place / "root")


@pytest.mark.slow
def test_a_challenge_platforms_call(place: Path, chest: Path, quick_bundles: Path) -> None:
    shutil.copytree(chest / "chest", place / "in", dirs_exist_ok=True)
    done = enter(
        place, quick_bundles, NODULUS_INPUT=place / "in", NODULUS_OUTPUT=place / "out"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (study,) = (p for p in (place / "out").iterdir() if p.is_dir())
    assert {"findings.json", "nodules_seg.dcm", "report.html"} <= {p.name for p in study.iterdir()}
    with (place / "out" / "marks.csv").open() as file:
        assert len(list(csv.DictReader(file))) >= 2
    assert {p.stat().st_uid for p in (place / "out").rglob("*")} == {12345}


@pytest.mark.slow
def test_a_mercure_task(place: Path, chest: Path, quick_bundles: Path) -> None:
    for path in (chest / "chest").iterdir():
        header = dcmread(path, stop_before_pixels=True)
        name = f"{header.SeriesInstanceUID}#{header.SOPInstanceUID}"
        shutil.copy(path, place / "in" / f"{name}.dcm")
        (place / "in" / f"{name}.tags").write_text(json.dumps({"Modality": "CT"}))
    task = {"id": "1", "process": {"settings": {"report": False, "notify": "findings"}}}
    (place / "in" / "task.json").write_text(json.dumps(task))
    done = enter(
        place, quick_bundles, MERCURE_IN_DIR=place / "in", MERCURE_OUT_DIR=place / "out"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "segmentation" in done.stderr  # its steps, for mercure's log
    result = json.loads((place / "out" / "result.json").read_text())
    (study,) = result["studies"]
    assert study["findings"] == 3
    assert result["errors"] == []
    assert result["__mercure_notification"]["requested"] is True
    assert "3 findings" in result["__mercure_notification"]["text"]
    assert {p.name for p in (place / "out").iterdir()} == {"result.json", *study["files"].values()}
    assert set(study["files"]) == {"findings", "seg", "sr"}
    for kind in ("seg", "sr"):
        written = dcmread(place / "out" / study["files"][kind])
        expected = f"{written.SeriesInstanceUID}#{written.SOPInstanceUID}.dcm"
        assert study["files"][kind] == expected


def test_no_arguments_mean_input_and_output() -> None:
    assert detect_arguments({}) == [
        "detect", "/input", "-o", "/output", "--marks", "/output/marks.csv",
    ]  # fmt: skip
    assert detect_arguments({"NODULUS_MODELS": "/m"})[-2:] == ["-m", "/m"]
    assert detect_arguments({"NODULUS_CONTRACT": "luna25", "NODULUS_MODELS": "/m"}) == [
        "challenge", "luna25", "--input", "/input", "-o", "/output", "-m", "/m",
    ]  # fmt: skip


def test_every_service_is_locked_up() -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())["services"]
    assert set(services) == {"folder", "challenge", "mercure"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["network_mode"] == "none", name
        assert service["tmpfs"] == ["/tmp"], name
        assert not service["user"].startswith(("0", "root")), name
    gpu = yaml.safe_load((CONTAINERS / "compose.cuda.yaml").read_text())["services"]
    assert set(gpu) == set(services)


def test_the_node_reaches_orthanc_alone() -> None:
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load((CONTAINERS / "compose.orthanc.yaml").read_text())
    node = content["services"]["nodulus"]
    assert node["networks"] == ["inside"]
    assert content["networks"]["inside"]["internal"] is True
    assert "ports" not in node
    assert node["read_only"] is True
    assert node["cap_drop"] == ["ALL"]
    (web,) = [p for p in content["services"]["orthanc"]["ports"] if p.endswith(":8042")]
    assert web.startswith("127.0.0.1:")
    gpu = yaml.safe_load((CONTAINERS / "compose.orthanc.cuda.yaml").read_text())["services"]
    assert set(gpu) == {"nodulus"}
    config = json.loads((CONTAINERS / "orthanc.json").read_text())
    given = set(re.findall(r"\$\{(\w+)", json.dumps(config)))
    assert given <= set(content["services"]["orthanc"]["environment"])
    assert config["AuthenticationEnabled"] is True


def test_the_nodes_variables_are_known_to_the_command() -> None:
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load((CONTAINERS / "compose.orthanc.yaml").read_text())
    known = {parameter.envvar for parameter in command.params} | {"NODULUS_ORTHANC_PASSWORD"}
    assert set(content["services"]["nodulus"]["environment"]) <= known


def test_the_entry_point_loads_no_network_library() -> None:
    """The account of a container may be none that the system knows; monai's own import asks it."""
    code = (
        "import sys, nodulus.app.deploy.containers.__main__ as _;"
        "print(sorted({'monai', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
