"""The U-Net of slices takes any size and can learn."""

from __future__ import annotations

import pytest
import torch

from nodulus.bundles.common.networks import SliceUNet


@pytest.fixture(scope="module")
def network() -> SliceUNet:
    torch.manual_seed(0)
    return SliceUNet(slices=5, features=[4, 8, 16]).eval()


@pytest.mark.parametrize("size", [(16, 24), (17, 23), (4, 4), (5, 1)])
def test_any_size_gives_a_logit_a_pixel(network: SliceUNet, size: tuple[int, int]) -> None:
    assert network(torch.rand(2, 5, *size)).shape == (2, 1, *size)


def test_an_odd_edge_is_the_image_with_its_edge_repeated(network: SliceUNet) -> None:
    x = torch.rand(1, 5, 30, 31)
    padded = torch.nn.functional.pad(x, (0, 1, 0, 2), mode="replicate")
    with torch.no_grad():
        torch.testing.assert_close(network(x), network(padded)[..., :30, :31])


def test_it_can_learn_which_pixels_are_bright() -> None:
    torch.manual_seed(0)
    network = SliceUNet(slices=3, features=[4, 8])
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(60):
        x = torch.rand(4, 3, 16, 16)
        wanted = (x[:, 1:2] > 0.5).float()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.4
