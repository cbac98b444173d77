"""The two-scale convolution in two parts gives what it gives whole."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import interpolate

from nodulus.app.chain.models import BUNDLES, load_models
from nodulus.app.chain.network.loading import load_bundle
from nodulus.app.chain.network.two_scale import SplitTwoScaleConv3d, enlarged, split_two_scale
from nodulus.bundles.common.networks.two_scale_resnet import TwoScaleConv3d


def test_enlarging_is_trilinear_interpolation() -> None:
    x = torch.randn(3, 5, 1, 4, generator=torch.Generator().manual_seed(0))
    expected = interpolate(x[:, None], scale_factor=2.0, mode="trilinear", align_corners=False)
    torch.testing.assert_close(enlarged(x), expected[:, 0])


def test_the_sum_of_two_convolutions_is_that_of_both_channels() -> None:
    torch.manual_seed(1)
    for bias in (True, False):
        plain = nn.Sequential(TwoScaleConv3d(2, 5, 3, 2, 1, bias=bias)).requires_grad_(False)
        x = torch.randn(2, 1, 16, 12, 20)
        expected = plain(x)
        assert split_two_scale(plain) == 1
        assert isinstance(plain[0], SplitTwoScaleConv3d)
        torch.testing.assert_close(plain(x), expected, atol=1e-5, rtol=1e-5)


def test_the_shipped_nodule_classifier_gives_the_same() -> None:
    quick = load_models(device="cpu", precision="float32").nodule.network
    assert any(isinstance(m, SplitTwoScaleConv3d) for m in quick.modules())
    cubes = torch.rand(3, 1, 48, 48, 48, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = load_bundle(BUNDLES / "nodule").network(cubes)
        torch.testing.assert_close(quick(cubes), expected, atol=1e-4, rtol=1e-4)
