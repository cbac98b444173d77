"""Small 3D convolutions go to oneDNN and keep their answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nodulus.app.chain.models import load_models
from nodulus.app.chain.network.onednn_convolutions import OneDnnConv3d, use_onednn

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
