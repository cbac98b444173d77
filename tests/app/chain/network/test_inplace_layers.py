"""Quicker ways of the networks' steps: the same numbers."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.nets import UNet

from nodulus.app.chain.network.inplace_layers import InPlacePReLU, InPlaceResidual, compute_in_place


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("act", ["PRELU", ("RELU", {}), ("LEAKYRELU", {"negative_slope": 0.2})])
def test_a_unet_in_place_gives_the_same_and_keeps_its_input(
    act: object, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    plain = UNet(3, 1, 1, (4, 8, 8), (2, 2), num_res_units=2, norm="BATCH", act=act).eval()
    quick = copy.deepcopy(plain)
    assert compute_in_place(quick) > 0
    assert any(isinstance(m, InPlaceResidual) for m in quick.modules())
    assert any(isinstance(m, InPlacePReLU) for m in quick.modules()) == (act == "PRELU")
    x = torch.randn(2, 1, 16, 16, 16).to(dtype)
    before = x.clone()
    with torch.inference_mode():
        assert torch.equal(plain.to(dtype)(x), quick.to(dtype)(x))
    assert torch.equal(x, before)


def test_slopes_of_each_channel_stay_as_they_are() -> None:
    plain = UNet(3, 1, 1, (4, 8), (2,), act=("PRELU", {"num_parameters": 4}))
    compute_in_place(plain)
    assert not any(isinstance(m, InPlacePReLU) for m in plain.modules())
