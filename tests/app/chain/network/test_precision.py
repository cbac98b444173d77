"""The quick ways to the networks' answers give the plain way's answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.networks.nets import UNet

from nodulus.app.chain.models import load_models
from nodulus.app.chain.network.precision import (
    Accelerated,
    accelerate,
    choose_precision,
    patch_network_of,
    precision_of,
)
from nodulus.app.chain.network.segment_nodules import segment_nodules, segment_patches
from nodulus.app.chain.settings import ChainSettings

CPU = torch.device("cpu")


def chest_like(shape: tuple[int, int, int], seed: int) -> torch.Tensor:
    """Scaled lung with balls and noise, shape (1, X, Y, Z)."""
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    hu = np.full(shape, 0.1)
    for _ in range(12):
        center, radius = rng.uniform(0, shape), rng.uniform(2, 9)
        hu[np.linalg.norm(index - center, axis=-1) < radius] = rng.uniform(0.3, 0.8)
    return torch.from_numpy(np.clip(hu + rng.normal(0, 0.02, shape), 0, 1)).float()[None]


@pytest.mark.parametrize("setting", ["float32", "bfloat16"])
def test_shipped_networks_keep_their_answers(setting: str) -> None:
    from nodulus.app.chain.network.loading import load_bundle

    quick = load_models(device="cpu", precision=setting)  # type: ignore[arg-type]
    images = torch.stack([chest_like((48, 48, 48), seed) for seed in range(4)])
    for bundle in (quick.segmentation, quick.nodule, quick.malignancy):
        plain = load_bundle(f"bundles/{bundle.name}").network
        with torch.inference_mode():
            expected, got = (torch.sigmoid(n(images)) for n in (plain, bundle.network))
        assert expected.shape == got.shape
        assert got.dtype == torch.float32
        difference = (expected - got).abs()
        computes_in = "float32" if bundle.name == "malignancy" else setting
        if computes_in == "float32":
            assert difference.max() < 1e-4
        else:
            assert difference.mean() < 0.01
            assert difference.max() < 0.05
        assert precision_of(bundle.network) == computes_in
    assert [m.precision for m in quick.info()] == [setting, setting, "float32"]


def test_large_patches_give_what_one_pass_gives(chain_settings: ChainSettings) -> None:
    torch.manual_seed(0)
    network = UNet(3, 1, 1, (4, 8), (2,), num_res_units=1, norm="BATCH").eval()
    quick = accelerate(network, "float32")
    patches = patch_network_of(quick)
    assert patches is not None
    assert (patches.stride, patches.reach) == (2, None)
    image = chest_like((41, 30, 52), 5)
    lungs = np.zeros(image.shape[1:], bool)
    lungs[5:38, 6:25, 8:50] = True
    with torch.inference_mode():
        padded = torch.nn.functional.pad(image, (0, 0, 0, 0, 0, 1))
        whole = torch.sigmoid(network(padded[None]))[0, 0, :41].numpy()
    done: list[tuple[int, int]] = []
    result = segment_patches(
        image,
        lungs,
        patches,
        scale=torch.clone,
        pipeline=chain_settings.pipeline.model_copy(
            update={"patch_context": 16, "patch_voxels": 40_000}
        ),
        device=CPU,
        progress=lambda *a: done.append(a),
    )
    assert len(done) > 1
    assert done[-1][0] == done[-1][1]
    np.testing.assert_allclose(result[lungs], whole[lungs], atol=1e-4)
    pipeline = chain_settings.pipeline.model_copy(update={"patch_context": 16})
    other = segment_nodules(
        image * 10 - 5,
        lungs,
        quick,
        scale=lambda hu: (hu + 5) / 10,
        roi_size=(16,) * 3,
        pipeline=pipeline,
        device=CPU,
    )
    np.testing.assert_allclose(other[lungs], whole[lungs], atol=1e-4)


def test_an_unknown_network_is_left_alone() -> None:
    network = torch.nn.Conv3d(1, 1, 3)
    assert accelerate(network, "bfloat16") is network
    assert precision_of(network) == "float32"
    assert patch_network_of(network) is None


@pytest.mark.parametrize(
    ("has", "expected"),
    [
        ({"amx_bf16": True, "avx512_bf16": True, "sse4a": False}, "bfloat16"),
        ({"amx_bf16": False, "avx512_bf16": True, "sse4a": True}, "bfloat16"),
        ({"amx_bf16": False, "avx512_bf16": True, "sse4a": False}, "float32"),
        ({"amx_bf16": False, "avx512_bf16": False, "sse4a": True}, "float32"),
        ({}, "float32"),
    ],
    ids=["AMX", "Zen 4", "Intel without AMX", "older AMD", "not x86"],
)
def test_auto_is_bfloat16_only_where_it_is_quicker(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert choose_precision("auto", CPU) == expected
    assert choose_precision("bfloat16", CPU) == "bfloat16"


def test_amx_counts_where_torch_tells_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    for has in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=has: has)
        assert choose_precision("auto", CPU) == ("bfloat16" if has else "float32")
    assert choose_precision("auto", torch.device("cuda")) == "float32"


def test_the_original_network_is_not_changed() -> None:
    network = UNet(3, 1, 1, (4, 8), (2,), num_res_units=1, norm="BATCH").eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    Accelerated(network, "bfloat16")
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
