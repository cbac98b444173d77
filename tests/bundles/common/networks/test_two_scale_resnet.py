import pytest
import torch

from bundles.common.networks.two_scale_resnet import TwoScaleResNet


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    options = {
        "block": "basic",
        "layers": [1, 1, 1, 1],
        "block_inplanes": [4, 4, 8, 8],
        "spatial_dims": 3,
        "conv1_t_size": 3,
        "conv1_t_stride": 2,
        "no_max_pool": True,
        "num_classes": 1,
    }
    return TwoScaleResNet(**options).eval()


def test_one_logit_a_cube(network):
    with torch.inference_mode():
        assert network(torch.rand(3, 1, 32, 32, 32)).shape == (3, 1)


def test_second_channel_is_the_enlarged_middle(network):
    seen = []
    hook = network.conv1.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    cube = torch.zeros(1, 1, 32, 32, 32)
    cube[..., 8:24, 8:24, 8:24] = 1.0
    with torch.inference_mode():
        network(cube)
    hook.remove()
    assert torch.equal(seen[0][:, :1], cube)
    assert torch.equal(seen[0][:, 1:], torch.ones_like(cube))
