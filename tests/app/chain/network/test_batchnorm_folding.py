"""Networks with folded normalisations and blockwise levels compute what the plain ones do."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from monai.networks.nets import ResNet, UNet

from nodulus.app.chain.network.batchnorm_folding import fold_batch_norm
from nodulus.app.chain.network.blockwise import (
    BlockwiseConv,
    BlockwiseUpsampling,
    compute_blockwise,
    to_voxels,
)


def unet() -> UNet:
    torch.manual_seed(0)
    return UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=1,
        channels=(4, 8, 8),
        strides=(2, 2),
        num_res_units=2,
        norm="BATCH",
    )


def resnet(block: str) -> ResNet:
    torch.manual_seed(0)
    return ResNet(
        block=block,
        layers=[1, 1, 1, 1],
        block_inplanes=[4, 8, 8, 8],
        n_input_channels=1,
        conv1_t_size=3,
        conv1_t_stride=2,
        num_classes=1,
    )


def with_statistics(network: torch.nn.Module) -> torch.nn.Module:
    """Statistics, weights and biases of the norms away from 0 and 1, as training leaves them."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            for tensor in (module.running_mean, module.bias, module.running_var, module.weight):
                tensor.data.uniform_(0.5, 1.5, generator=generator)
    return network.eval()


@pytest.mark.parametrize(
    ("network", "norms"),
    [(unet(), 9), (resnet("basic"), 12), (resnet("bottleneck"), 17)],
    ids=["unet", "basic", "bottleneck"],
)
def test_a_folded_network_gives_the_same(network: torch.nn.Module, norms: int) -> None:
    with_statistics(network)
    x = torch.rand(2, 1, 24, 32, 16, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        before = network(x)
        assert fold_batch_norm(network) == norms
        assert not any(isinstance(m, torch.nn.BatchNorm3d) for m in network.modules())
        torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-4)


def test_a_training_network_is_refused() -> None:
    with pytest.raises(ValueError, match="evaluation mode"):
        fold_batch_norm(unet().train())


def test_a_norm_that_stands_elsewhere_stays() -> None:
    network = UNet(3, 1, 1, (4, 8), (2,), num_res_units=1, norm="BATCH", adn_ordering="AND").eval()
    assert fold_batch_norm(network) == 0


def test_blocks_of_voxels_give_the_same() -> None:
    network = with_statistics(unet())
    fold_batch_norm(network)
    x = torch.rand(2, 1, 8, 12, 16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        before = network(x)
        assert compute_blockwise(network)
        assert (
            sum(isinstance(m, (BlockwiseConv, BlockwiseUpsampling)) for m in network.modules()) == 2
        )
        torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"norm": "INSTANCE"}, {"up_kernel_size": 5}, {"out_channels": 2}, {"act": "GELU"}],
    ids=str,
)
def test_a_last_level_that_sees_more_than_its_voxel_stays(options: dict[str, Any]) -> None:
    given = {"in_channels": 1, "out_channels": 1, "channels": (4, 8), "strides": (2,)}
    network = UNet(3, **{**given, "num_res_units": 1, **options}).eval()
    x = torch.rand(1, 1, 8, 8, 8)
    with torch.no_grad():
        before = network(x)
        assert not compute_blockwise(network)
        assert torch.equal(network(x), before)


def test_each_channel_is_a_place_in_the_blocks() -> None:
    blocks = torch.rand(2, 8, 2, 3, 4)
    voxels = to_voxels(blocks)
    assert voxels.shape == (2, 1, 4, 6, 8)
    for channel, (x, y, z) in enumerate(product(range(2), repeat=3)):
        assert torch.equal(voxels[:, 0, x::2, y::2, z::2], blocks[:, channel])
