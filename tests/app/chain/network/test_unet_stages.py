"""A U-Net in stages and parts computes what one look at the whole does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.networks.nets import UNet

from nodulus.app.chain.network import unet_stages
from nodulus.app.chain.network.batchnorm_folding import fold_batch_norm
from nodulus.app.chain.network.blockwise import compute_blockwise
from nodulus.app.chain.network.inplace_layers import compute_in_place
from nodulus.app.chain.network.unet_stages import UNetStages, has_stages

CPU = torch.device("cpu")


def unet(**options: Any) -> UNet:
    torch.manual_seed(0)
    given = {"channels": (4, 6, 8, 8), "strides": (2, 2, 2), "num_res_units": 2, "norm": "BATCH"}
    network = UNet(3, 1, 1, **{**given, **options}).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
    return network


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_res_units": 0},
        {"num_res_units": 3},
        {"channels": (4, 6, 8), "strides": (2, 2)},
        {"channels": (4, 6, 8, 8, 8), "strides": (2, 2, 1, 2)},
    ],
    ids=str,
)
@pytest.mark.parametrize("quick", [False, True], ids=["as it is", "rewritten"])
def test_every_part_is_that_of_one_look_at_the_whole(
    options: dict[str, Any], quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unet_stages, "_SLAB", 16)
    network = unet(**options)
    values = torch.rand(1, 44, 40, 63, generator=torch.Generator().manual_seed(1)) * 100
    with torch.inference_mode():
        end = -44 % UNetStages(network, torch.float32).stride
        whole = network(torch.nn.functional.pad(values / 10, (0, 1, 0, 0, 0, end))[None])[0, 0]
        if quick:
            fold_batch_norm(network)
            compute_blockwise(network)
            compute_in_place(network)
        stages = UNetStages(network, torch.float32)
        features = stages.encode(values, lambda v: v / 10, CPU)
        for box in (
            (slice(0, 44 + end), slice(0, 40), slice(0, 64)),
            (slice(16, 28), slice(12, 24), slice(20, 40)),
            (slice(0, 8), slice(32, 40), slice(56, 64)),
        ):
            part = stages.decode(features, box)
            assert part.dtype == torch.float32
            torch.testing.assert_close(part, whole[box], rtol=1e-4, atol=1e-4)
    assert whole.std() > 0.05, "nothing to compare"


@pytest.mark.parametrize(
    "options",
    [
        {"channels": (4, 8), "strides": (2,)},
        {"strides": (1, 2, 2)},
        {"kernel_size": 5},
        {"up_kernel_size": 5},
    ],
    ids=str,
)
def test_other_networks_have_no_stages(options: dict[str, Any]) -> None:
    network = unet(**options)
    assert not has_stages(network)
    with pytest.raises(ValueError, match="halves the resolution twice"):
        UNetStages(network, torch.float32)
    assert not has_stages(torch.nn.Conv3d(1, 1, 3))


def test_a_part_does_not_see_what_is_far() -> None:
    stages = UNetStages(unet(), torch.float32)
    assert stages.stride == 8
    values = torch.rand(1, 64, 64, 64)
    box = (slice(24, 40),) * 3
    with torch.inference_mode():
        features = stages.encode(values, torch.clone, CPU)
        before = stages.decode(features, box)
        reach = unet_stages.REACH
        near, far = 24 - reach, 24 - reach - 4
        features.first[:, :, : far // 2] = 9
        features.second[:, :, : far // 4] = 9
        assert torch.equal(stages.decode(features, box), before)
        features.second[:, :, near // 4 :] = 9
        assert not torch.allclose(stages.decode(features, box), before)
