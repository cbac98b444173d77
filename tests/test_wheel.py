"""The wheel in an environment of its own, beside a package that has folders of our names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import make_volume
from tests.bundles.fake_data import write_fake_data
from tests.conftest import REPOSITORY

NEIGHBOUR = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "neighbour"
version = "1"
[tool.setuptools]
packages = ["app", "configs"]
"""
# What the environment imports is its own.
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
PIP = (sys.executable, "-m", "pip", "-q")


def run(call: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        call, cwd=folder, env=ENVIRON, capture_output=True, text=True, check=False
    )


def build(source: Path, folder: Path) -> Path:
    options = ["--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*PIP, "wheel", *options, str(source)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # From a copy: setuptools builds in its source folder.
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if (
            name.split("/")[0] not in ("tests", "docs", "benchmarks")
            and (REPOSITORY / name).exists()
        ):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((REPOSITORY / name).read_bytes())
    return build(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment with the dependencies, our wheel, and after it the neighbour's."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False)
    python = root / "bin" / "python"
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", purelib], capture_output=True, text=True, check=True)
    # A path file is not followed in a folder that another one names, so that the editable
    # installation of the tests stays out.
    dependencies = Path(found.stdout.strip()) / "dependencies.pth"
    dependencies.write_text(sysconfig.get_path("purelib"))
    neighbour = tmp_path_factory.mktemp("neighbour")
    (neighbour / "pyproject.toml").write_text(NEIGHBOUR)
    for package in ("app", "configs"):
        (neighbour / package).mkdir()
        (neighbour / package / "__init__.py").write_text('raise ImportError("the neighbour")\n')
    for path in (wheel, build(neighbour, neighbour / "wheel")):
        options = ["--no-deps", "--no-index", "--force-reinstall", str(path)]
        subprocess.run([*PIP, "--python", str(python), "install", *options], check=True)
    return python


def test_it_has_one_name_its_types_and_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {n.split("/")[0] for n in names if ".dist-info/" not in n} == {"nodulus"}
    for name in (
        "py.typed",
        "app/deploy/app.yaml",
        "app/results/report.html.jinja",
        "app/data/eda/eda.html.jinja",
        "bundles/common/metadata.schema.json",
        "bundles/segmentation/configs/train.json",
        "bundles/common/configs/train.json",
        "bundles/nodule/docs/data_license.txt",
        "bundles/nodule/models/model.pt",
        "bundles/nodule/models/model.patients.json",
        "bundles/malignancy/docs/README.md",
        "configs/operating_points.json",
        "configs/phantom.json",
        "configs/phantom_pairs.json",
    ):
        assert f"nodulus/{name}" in names


def test_it_runs_a_study_from_a_folder_that_has_our_names(python: Path, tmp_path: Path) -> None:
    for package in ("app", "bundles", "configs", "transforms"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text('raise ImportError("the folder")\n')
    volume = make_volume()
    write_series(
        tmp_path / "ct",
        volume.hu,
        spacing_mm=(1.5, 1.5),
        step_mm=2.0,
        first_lps_mm=volume.geometry.affine_lps[:3, 3],
    )
    call = [str(python), "-m", "nodulus", "detect", "ct", "-o", "out"]
    done = run(call, tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    result = json.loads((folder / "findings.json").read_text())
    code = (
        "import nodulus; v = nodulus.load_volume('ct');"
        "print(nodulus.__version__, nodulus.__file__);"
        "print([f.malignancy_probability for f in nodulus.Chain().analyse(v).findings])"
    )
    call = [str(python), "-c", code]
    done = run(call, tmp_path)
    assert done.returncode == 0, done.stderr
    about, found = done.stdout.splitlines()
    assert about.split()[0] == result["nodulus_version"]
    assert str(python.parents[1]) in about
    assert json.loads(found) == [f["malignancy_probability"] for f in result["findings"]]


def test_a_bundle_runs_without_a_checkout(python: Path, tmp_path: Path) -> None:
    write_fake_data(tmp_path / "data", 1)
    (tmp_path / "images").mkdir()
    for path in (tmp_path / "data" / "luna16" / "subset0").iterdir():
        path.rename(tmp_path / "images" / path.name)
    bundles = python.parents[1].glob("lib/*/site-packages/nodulus/bundles")
    config = next(bundles) / "segmentation" / "configs" / "inference.json"
    call = [str(python), "-m", "monai.bundle", "run", "--config_file", str(config)]
    options = ["--dataset_dir", "images", "--output_dir", "out", "--device", "$torch.device('cpu')"]
    done = run([*call, *options], tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list((tmp_path / "out").glob("*_mask.nii.gz"))) == 1
