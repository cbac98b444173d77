"""A bundle is loaded with what it looks at; what is missing or wrong in it is named."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
import torch
from monai.bundle import ConfigParser

from nodulus.app.chain.network.loading import load_bundle


@pytest.fixture
def folder(bundles, tmp_path):
    """A copy of the nodule bundle with random weights."""
    root = tmp_path / "nodule"
    shutil.copytree(bundles / "nodule" / "configs", root / "configs")
    config = ConfigParser()
    config.read_config(str(root / "configs" / "inference.json"))
    (root / "models").mkdir()
    torch.save(config.get_parsed_content("network_def").state_dict(), root / "models" / "model.pt")
    return root


def test_loads_everything(folder):
    bundle = load_bundle(folder, "cpu")
    assert bundle.name == "nodule"
    metadata = json.loads((folder / "configs/metadata.json").read_text())
    assert bundle.version == metadata["version"]
    assert not bundle.network.training
    assert bundle.sha256 == hashlib.sha256((folder / "models/model.pt").read_bytes()).hexdigest()
    assert (bundle.spacing_mm, bundle.window_hu) == (1.0, (-1000.0, 400.0))
    assert bundle.crop_size == bundle.roi_size == (48, 48, 48)
    assert bundle.trained_on == metadata["data_source"]
    assert bundle.network(torch.zeros(2, 1, 48, 48, 48)).shape == (2, 1)


@pytest.mark.parametrize(
    "name", ["configs/inference.json", "configs/metadata.json", "models/model.pt"]
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 cut off"])
def test_weights_that_are_none_are_named(folder, content):
    (folder / "models" / "model.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"models/model.pt: not a state dict"):
        load_bundle(folder)


def test_weights_of_another_network_are_named(folder):
    torch.save({"fc.weight": torch.zeros(1)}, folder / "models" / "model.pt")
    with pytest.raises(ValueError, match=r"models/model.pt: the weights do not fit"):
        load_bundle(folder)


@pytest.mark.parametrize("key", ["network_def", "spacing_mm", "window_hu", "crop_size"])
def test_a_missing_key_is_named(folder, key):
    path = folder / "configs" / "inference.json"
    config = json.loads(path.read_text())
    del config[key]
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=rf"inference.json: .*{key}"):
        load_bundle(folder)


def test_broken_json_is_named(folder):
    (folder / "configs" / "metadata.json").write_text("{")
    with pytest.raises(ValueError, match=r"metadata.json: not JSON"):
        load_bundle(folder)


def configure(folder, **keys):
    path = folder / "configs" / "inference.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def test_a_bundle_says_what_it_looks_at(folder):
    assert load_bundle(folder).input_kind == "isotropic_cube"
    assert load_bundle(folder).input_range == (0.0, 1.0)
    configure(folder, input_kind="native_slices", slices=5, input_range=[-1000, 400])
    bundle = load_bundle(folder)
    assert (bundle.slices, bundle.spacing_mm) == (5, None)
    assert bundle.input_range == (-1000.0, 400.0)
    with pytest.raises(ValueError, match="native_slices has no spacing"):
        _ = bundle.isotropic_mm


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"input_kind": "hologram"}, "hologram"),
        ({"input_kind": "native_slices"}, "slices is missing"),
        ({"input_kind": "native_crop", "crop_size": [32, 48]}, "3 whole numbers"),
    ],
)
def test_a_kind_that_cannot_be_is_named(folder, keys, named):
    configure(folder, **keys)
    with pytest.raises(ValueError, match=rf"inference.json: .*{named}"):
        load_bundle(folder)


def test_imports_of_a_config_that_serve_expressions_of_the_network_are_kept(folder):
    path = folder / "configs" / "inference.json"
    config = json.loads(path.read_text())
    config["imports"] = ["$from math import prod"]
    config["network_def"]["block_inplanes"] = "$[prod((2, 2**k)) for k in range(3, 7)]"
    path.write_text(json.dumps(config))
    assert load_bundle(folder).network(torch.zeros(1, 1, 48, 48, 48)).shape == (1, 1)
