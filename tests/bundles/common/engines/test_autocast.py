"""The type that a network trains in."""

from __future__ import annotations

import pytest
import torch

from nodulus.bundles.common.engines.autocast import AutocastInferer, autocast_type


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_automatic(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert autocast_type("auto", torch.device("cuda", 1)) is expected
    assert autocast_type("auto", "cpu") is torch.float32


def test_by_name():
    assert autocast_type("off", "cpu") is torch.float32
    assert autocast_type("bfloat16", "cpu") is torch.bfloat16
    assert autocast_type("float16", "cuda") is torch.float16
    with pytest.raises(ValueError, match="needs a GPU"):
        autocast_type("float16", "cpu")
    with pytest.raises(ValueError, match="'half' is not a valid Precision"):
        autocast_type("half", "cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_network_computes_in_the_type_and_the_output_is_float32(dtype):
    seen = []
    network = torch.nn.Conv3d(1, 2, 1)
    network.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    output = AutocastInferer(dtype)(torch.ones(1, 1, 2, 2, 2), network)
    assert (seen, output.dtype) == ([dtype], torch.float32)
    output.mean().backward()
    assert network.weight.grad.dtype is torch.float32
