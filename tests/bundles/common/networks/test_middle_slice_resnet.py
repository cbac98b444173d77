"""The classifier of the middle slices."""

from __future__ import annotations

import pytest
import torch

from nodulus.bundles.common.networks.middle_slice_resnet import MiddleSliceResNet

OPTIONS = {
    "block": "basic",
    "layers": [1, 1, 1, 1],
    "block_inplanes": [4, 8, 16, 32],
    "conv1_t_size": 3,
    "conv1_t_stride": 2,
    "no_max_pool": True,
    "num_classes": 3,
}


def network(**options):
    torch.manual_seed(0)
    return MiddleSliceResNet(**options, **OPTIONS)


def test_only_the_slices_around_the_middle_are_read():
    cube = torch.rand(2, 1, 16, 16, 16)
    net = network(neighbours=1).eval()
    answer = net(cube)
    assert answer.shape == (2, 1)
    other = cube.clone()
    other[..., :7] = other[..., 10:] = 0.5
    assert torch.equal(net(other), answer)
    other[..., 9] = 0.5
    assert not torch.equal(net(other), answer)


def test_the_answer_is_the_mean_over_the_slices():
    cube = torch.rand(2, 1, 16, 16, 3)
    net = network(outputs=3).eval()
    single = [net(cube[..., k : k + 1]) for k in range(3)]
    torch.testing.assert_close(net(cube), torch.stack(single).mean(0))


def test_training_reads_the_middle_alone_and_gives_the_outputs_that_are_asked_for():
    net = network(outputs=2).train()
    cube = torch.rand(4, 1, 16, 16, 3)
    changed = cube.clone()
    changed[..., [0, 2]] = 0.0
    torch.testing.assert_close(net(cube), net(changed))
    assert net(cube).shape == (4, 2)


@pytest.mark.parametrize("outputs", [1, 3])
def test_fewer_outputs_need_no_other_weights(outputs):
    state = network(outputs=3).state_dict()
    net = network(outputs=outputs).eval()
    net.load_state_dict(state)
    full = network(outputs=3).eval()
    cube = torch.rand(1, 1, 16, 16, 16)
    assert torch.equal(net(cube), full(cube)[:, :outputs])
