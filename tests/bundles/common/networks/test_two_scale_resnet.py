"""The classifier of a cube and its enlarged middle."""

import pytest
import torch
from monai.networks.nets import ResNet

from nodulus.bundles.common.networks.two_scale_resnet import TwoScaleResNet

OPTIONS = {
    "block": "basic",
    "layers": [1, 1, 1, 1],
    "block_inplanes": [4, 4, 8, 8],
    "spatial_dims": 3,
    "conv1_t_size": 3,
    "conv1_t_stride": 2,
    "no_max_pool": True,
    "num_classes": 1,
}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return TwoScaleResNet(**OPTIONS).eval()


def test_it_is_a_resnet_on_the_cube_and_its_enlarged_middle(network):
    plain = ResNet(n_input_channels=2, **OPTIONS).eval()
    plain.load_state_dict(network.state_dict())
    cube = torch.rand(3, 1, 32, 32, 32)
    middle = cube[..., 8:24, 8:24, 8:24]
    zoomed = torch.nn.functional.interpolate(middle, size=(32, 32, 32), mode="trilinear")
    with torch.inference_mode():
        logits = network(cube)
        assert logits.shape == (3, 1)
        torch.testing.assert_close(logits, plain(torch.cat([cube, zoomed], dim=1)))


def test_the_middle_is_seen_enlarged(network):
    seen = []
    hook = network.bn1.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    cube = torch.zeros(2, 1, 32, 32, 32)
    cube[1, ..., 8:24, 8:24, 8:24] = 1.0  # fills the second channel, and half of the first
    with torch.inference_mode():
        network(cube)
    hook.remove()
    weight = network.conv1.weight
    corner = seen[0][1, :, 1, 1, 1]  # of the first channel nothing reaches here
    torch.testing.assert_close(corner, weight[:, 1].sum(dim=(1, 2, 3)))


def test_it_can_be_scripted(network):
    scripted = torch.jit.script(network)
    cube = torch.rand(1, 1, 16, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(scripted(cube), network(cube))
