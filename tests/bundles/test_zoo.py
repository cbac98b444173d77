"""The zips for MONAI's model zoo, by MONAI's own functions."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
import yaml
from monai.bundle import load, verify_metadata, verify_net_in_out

from nodulus.bundles import bundle_root
from nodulus.bundles.common.zoo import BUNDLES, main, pack, zoo_name


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three zips, as they are downloaded and unpacked."""
    root = tmp_path_factory.mktemp("zoo")
    main(["-o", str(root / "out"), "--weights-url", "https://example.org/{name}/{version}.pt"])
    for archive in sorted((root / "out").glob("*.zip")):
        zipfile.ZipFile(archive).extractall(root / "unpacked")
    return root / "unpacked"


@pytest.mark.parametrize("task", BUNDLES)
def test_it_is_named_and_filled_as_the_zoo_asks(unpacked: Path, task: str) -> None:
    name = zoo_name(task)
    metadata = json.loads((unpacked / name / "configs" / "metadata.json").read_text())
    archive = unpacked.parent / "out" / f"{name}_v{metadata['version']}.zip"
    assert {n.split("/")[0] for n in zipfile.ZipFile(archive).namelist()} == {name}
    files = {str(f.relative_to(unpacked / name)) for f in (unpacked / name).rglob("*.*")}
    files |= {"LICENSE"} & {f.name for f in (unpacked / name).iterdir()}
    assert files >= {
        "LICENSE", "configs/metadata.json", "configs/inference.json", "configs/train.json",
        "docs/README.md", "docs/data_license.txt", "models/model.pt",
    }  # fmt: skip
    assert metadata["required_packages_version"]["nodulus"] == version("nodulus")
    assert all(f.stat().st_size < 25e6 for f in (unpacked / name).rglob("*"))


@pytest.mark.parametrize("task", BUNDLES)
def test_monai_verifies_metadata_and_network(unpacked: Path, bundles: Path, task: str) -> None:
    configs = unpacked / zoo_name(task) / "configs"
    metadata = str(configs / "metadata.json")
    schema = bundles / "common" / "metadata.schema.json"
    verify_metadata(meta_file=metadata, filepath=str(schema))
    config = str(configs / "inference.json")
    verify_net_in_out("network_def", metadata, config, device="cpu", n=2)


@pytest.mark.parametrize("task", BUNDLES)
@pytest.mark.parametrize("kind", ["train", "inference"])
def test_monai_loads_the_network_with_its_weights(unpacked: Path, task: str, kind: str) -> None:
    network = load(zoo_name(task), bundle_dir=str(unpacked), workflow_type=kind, device="cpu")
    weights = torch.load(Path(bundle_root(task)) / "models" / "model.pt", weights_only=True)
    state = network.state_dict()
    assert set(state) == set(weights)
    assert all(torch.equal(state[key], weights[key]) for key in weights)


def test_the_folder_of_a_pull_request_names_the_weights_by_their_hash(unpacked: Path) -> None:
    folder = unpacked.parent / "out" / zoo_name("nodule")
    assert not (folder / "models" / "model.pt").exists()
    (large,) = yaml.safe_load((folder / "large_files.yml").read_text())["large_files"]
    content = (unpacked / zoo_name("nodule") / large["path"]).read_bytes()
    assert large["hash_type"] == "sha256"
    assert large["hash_val"] == hashlib.sha256(content).hexdigest()
    metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    assert large["url"] == f"https://example.org/{zoo_name('nodule')}/{metadata['version']}.pt"


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (pack("malignancy", tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert (tmp_path / "a" / zoo_name("malignancy") / "models" / "model.pt").is_file()


@pytest.mark.slow
def test_inference_runs_from_the_unpacked_folder(unpacked: Path, tmp_path: Path, fake_data) -> None:
    """With MONAI's command, as the zoo's page says."""
    (tmp_path / "images").mkdir()
    for path in Path(fake_data).rglob("luna16/subset0/*"):
        (tmp_path / "images" / path.name).write_bytes(path.read_bytes())
    call = [
        sys.executable, "-m", "monai.bundle", "run", "--config_file", "configs/inference.json",
        "--dataset_dir", str(tmp_path / "images"), "--output_dir", str(tmp_path / "out"),
        "--device", "$torch.device('cpu')",
    ]  # fmt: skip
    done = subprocess.run(
        call, cwd=unpacked / zoo_name("segmentation"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert list((tmp_path / "out").glob("*_mask.nii.gz"))
