"""Small 3D convolutions go to oneDNN and keep their answers."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.nets import UNet
from torch import nn

from nodulus.app.chain.models import load_models
from nodulus.app.chain.network import onednn_convolutions
from nodulus.app.chain.network.batchnorm_folding import fold_batch_norm
from nodulus.app.chain.network.inplace_layers import compute_in_place
from nodulus.app.chain.network.onednn_convolutions import (
    FusedResidual,
    OneDnnConv3d,
    fuse_steps,
    use_onednn,
)

needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN"
)


def operators(network: nn.Module, x: torch.Tensor) -> set[str]:
    with torch.inference_mode(), torch.profiler.profile() as seen:
        network(x)
    return {str(event.name) for event in seen.events() or ()}


def test_answers_are_those_of_pytorch() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv3d(1, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Sequential(nn.Conv3d(8, 4, (1, 3, 2), dilation=(1, 2, 1), bias=False), nn.ReLU()),
        nn.Conv3d(4, 6, 3, padding=1, groups=2),
        nn.Conv3d(6, 2, 3, padding=1, padding_mode="replicate"),
        nn.Conv3d(2, 2, 3, padding="same"),
    ).eval()
    x = torch.rand(1, 1, 20, 18, 16)
    with torch.inference_mode():
        expected = plain(x)
    names = list(plain.state_dict())
    assert use_onednn(plain) == 3  # the last two have another padding
    assert list(plain.state_dict()) == names
    with torch.inference_mode():
        torch.testing.assert_close(plain(x), expected, atol=1e-5, rtol=1e-5)


@needs_onednn
def test_a_small_input_takes_onednn() -> None:
    network = nn.Sequential(nn.Conv3d(16, 16, 3, padding=1)).eval()
    x = torch.rand(1, 16, 24, 24, 24)  # 9,216 for PyTorch's rule
    assert "aten::slow_conv3d_forward" in operators(network, x)
    use_onednn(network)
    assert "aten::mkldnn_convolution" in operators(network, x)
    assert "aten::slow_conv3d_forward" not in operators(network, x)


def test_a_gradient_passes_and_other_types_are_pytorch_s() -> None:
    torch.manual_seed(1)
    plain = nn.Sequential(nn.Conv3d(2, 3, 3)).eval()
    x = torch.rand(1, 2, 6, 6, 6, requires_grad=True)
    expected = torch.autograd.grad(plain(x).sum(), x)[0]
    use_onednn(plain)
    torch.testing.assert_close(torch.autograd.grad(plain(x).sum(), x)[0], expected)
    assert plain.double()(x.double()).dtype == torch.float64
    assert plain.to("meta")(x.double().to("meta")).shape == (1, 3, 4, 4, 4)


@needs_onednn
def test_no_convolution_of_the_shipped_segmentation_is_left_to_pytorch_s_rule() -> None:
    models = load_models(device="cpu", precision="float32")
    for bundle in (models.segmentation, models.nodule):
        convolutions = [m for m in bundle.network.modules() if type(m) is nn.Conv3d]
        assert convolutions == []
        assert any(isinstance(m, OneDnnConv3d) for m in bundle.network.modules())


def unet_and_rewritten(act: object = "PRELU") -> tuple[UNet, UNet]:
    """A UNet with its normalisations folded, and the same with oneDNN's convolutions."""
    torch.manual_seed(2)
    plain = UNet(3, 1, 1, (4, 8, 16), (2, 2), num_res_units=2, norm="BATCH", act=act).eval()
    fold_batch_norm(plain)
    quick = copy.deepcopy(plain)
    compute_in_place(quick)
    use_onednn(quick)
    return plain, quick.requires_grad_(False)


@needs_onednn
def test_activations_and_sums_are_computed_with_their_convolutions() -> None:
    plain, quick = unet_and_rewritten()
    fused = fuse_steps(quick)
    residuals = [m for m in quick.modules() if isinstance(m, FusedResidual)]
    slopes = [m.slope for m in quick.modules() if isinstance(m, OneDnnConv3d)]
    assert len(residuals) == 3  # two strided levels and the 1x1x1 of the lowest
    assert fused == len(residuals) + sum(slope is not None for slope in slopes)
    assert set(slopes) == {None, 0.25}  # PReLU's slope before training
    x = torch.randn(1, 1, 24, 16, 16)
    before = x.clone()
    with torch.inference_mode():
        torch.testing.assert_close(quick(x), plain(x), atol=1e-5, rtol=1e-5)
    assert torch.equal(x, before)
    assert "mkldnn::_convolution_pointwise" in operators(quick, x)
    # Elsewhere, and with gradients, they are computed step by step.
    y = x.clone().requires_grad_()
    torch.testing.assert_close(quick(y), plain(x), atol=1e-5, rtol=1e-5)
    assert "mkldnn::_convolution_pointwise" not in operators(quick.double(), x.double())


def test_other_activations_stay() -> None:
    plain, quick = unet_and_rewritten(("RELU", {}))
    fuse_steps(quick)
    assert {m.slope for m in quick.modules() if isinstance(m, OneDnnConv3d)} == {None}
    x = torch.randn(1, 1, 16, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(quick(x), plain(x), atol=1e-5, rtol=1e-5)


def test_without_the_operators_nothing_is_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn_convolutions, "_has_fused", lambda: False)
    _, quick = unet_and_rewritten()
    assert fuse_steps(quick) == 0
    conv = OneDnnConv3d(2, 3, 3, padding=1).requires_grad_(False)
    x, target = torch.rand(1, 2, 6, 6, 6), torch.rand(1, 3, 6, 6, 6)
    expected = target + conv(x)
    assert conv.add_to(target, x) is target
    torch.testing.assert_close(target, expected)
