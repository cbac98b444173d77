"""The segmentation's bundle in the App SDK's MonaiBundleInferenceOperator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from monai.bundle import ConfigParser

from nodulus.app.volume import CtVolume
from nodulus.bundles.common.zoo import pack, zoo_name
from tests.app.deploy.conftest import Run
from tests.app.deploy.needs_sdk import NEEDS_SDK
from tests.app.synthetic_chest import NODULES_LPS

QUICK = {"spacing_mm": 3.0, "overlap": 0.0}


pytestmark = NEEDS_SDK


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As it is downloaded, but quicker: coarser, and its windows do not overlap."""
    root = tmp_path_factory.mktemp("zoo")
    pack("segmentation", root)
    folder = root / zoo_name("segmentation")
    config = folder / "configs" / "deploy.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **QUICK}))
    return folder


def test_it_gives_a_mask_on_the_images_from_any_folder(
    bundle: Path, chest: Path, volume: CtVolume, tmp_path: Path, run: Run
) -> None:
    done = run(
        "tests.app.deploy.run_bundle_operator", chest / "chest", bundle, tmp_path / "mask.npy",
        cwd=tmp_path, before=("env", "-u", "HOLOSCAN_MODEL_PATH"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    mask = np.load(tmp_path / "mask.npy")
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1}
    expected = _by_monai(bundle, volume)
    assert expected.any()
    np.testing.assert_array_equal(mask, expected)
    index = volume.geometry.lps_to_index(NODULES_LPS["big"]).round().astype(int)
    assert mask[tuple(index)] == 1


def _by_monai(bundle: Path, volume: CtVolume) -> np.ndarray:
    """What the same config gives without the SDK, shape (I, R, C)."""
    import torch
    from monai.data import MetaTensor
    from monai.utils import MetaKeys

    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "deploy.json"))
    network = parser.get_parsed_content("network")
    weights = torch.load(bundle / "models" / "model.pt", weights_only=True)
    network.load_state_dict(weights)
    affine = volume.geometry.affine_ras[:, [2, 1, 0, 3]]
    hu = torch.from_numpy(volume.hu.transpose(2, 1, 0).astype(np.float32))
    meta = {
        MetaKeys.ORIGINAL_AFFINE: affine,
        MetaKeys.SPATIAL_SHAPE: np.array(hu.shape),
        "original_channel_dim": "no_channel",
    }
    item = {"image": MetaTensor(hu, affine=torch.from_numpy(affine), meta=meta)}
    steps = parser.get_parsed_content("preprocessing").transforms[1:]
    for step in steps:
        item = step(item)
    with torch.no_grad():
        pred = parser.get_parsed_content("inferer")(item["image"][None], network.eval())[0]
    done = parser.get_parsed_content("mask_postprocessing")({**item, "pred": pred})
    return np.asarray(done["pred"][0]).transpose(2, 1, 0).astype(np.uint8)
