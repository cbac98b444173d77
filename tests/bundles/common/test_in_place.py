"""Quicker ways of the networks' steps: the same numbers."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.nets import UNet
from torch.nn.functional import interpolate

from bundles.common.in_place import InPlacePReLU, InPlaceResidual, compute_in_place
from bundles.common.networks.two_scale_resnet import TwoScaleResNet, doubled, enlarge_by_axes


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


def test_doubling_axis_by_axis() -> None:
    x = torch.randn(3, 2, 5, 1, 8)
    expected = interpolate(x, scale_factor=2.0, mode="trilinear", align_corners=False)
    assert torch.allclose(doubled(x), expected, atol=1e-6, rtol=0)


def test_a_two_scale_network_gives_the_same() -> None:
    torch.manual_seed(0)
    plain = TwoScaleResNet(
        block="basic",
        layers=[1, 1, 1, 1],
        block_inplanes=[4, 8, 8, 8],
        num_classes=1,
        conv1_t_size=3,
    ).eval()
    quick = copy.deepcopy(plain)
    assert enlarge_by_axes(quick) == 1
    x = torch.rand(2, 1, 16, 24, 16)
    with torch.inference_mode():
        assert torch.allclose(plain(x), quick(x), atol=1e-6, rtol=0)
