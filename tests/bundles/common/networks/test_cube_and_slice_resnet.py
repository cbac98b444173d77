"""The classifier of a cube and its middle slices."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets.resnet import ResNet

from nodulus.app.chain.network.batchnorm_folding import fold_batch_norm
from nodulus.app.chain.network.precision import accelerate, precision_of
from nodulus.bundles.common.networks.cube_and_slice_resnet import CubeAndSliceResNet
from nodulus.bundles.common.networks.two_scale_resnet import TwoScaleResNet

SHARED = {
    "block": "basic",
    "layers": [1, 1, 1, 1],
    "block_inplanes": [4, 4, 8, 8],
    "conv1_t_size": 3,
    "no_max_pool": True,
}
CUBE = {**SHARED, "spatial_dims": 3, "conv1_t_stride": 2, "num_classes": 1}
SLICES = {**SHARED, "conv1_t_stride": 1}


def network(**options) -> CubeAndSliceResNet:
    torch.manual_seed(0)
    return CubeAndSliceResNet(slices=SLICES, **CUBE, **options).eval()


@pytest.fixture(scope="module")
def trained() -> CubeAndSliceResNet:
    """With statistics of its own in every batch normalisation."""
    net = network().train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(4, 1, 48, 48, 48))
    return net.eval()


def test_the_answer_is_the_mean_of_both_parts(trained):
    cube = torch.rand(2, 1, 48, 48, 48)
    state = trained.state_dict()
    alone = TwoScaleResNet(**CUBE).eval()
    alone.load_state_dict({k: v for k, v in state.items() if not k.startswith("slices.")})
    flat = network(part="slices")
    flat.load_state_dict(state)
    with torch.inference_mode():
        answer, of_cube, of_slices = trained(cube), alone(cube), flat(cube)
    assert answer.shape == (2, 1)
    assert (of_cube - of_slices).abs().min() > 1e-3, "nothing to tell apart"
    torch.testing.assert_close(answer, (of_cube + of_slices) / 2)


def test_the_slices_are_the_middle_one_and_its_neighbours(trained):
    cube = torch.rand(1, 1, 48, 48, 48)
    flat = network(part="slices", neighbours=1)
    flat.load_state_dict(trained.state_dict())
    with torch.inference_mode():
        before = flat(cube)
        changed = cube.clone()
        changed[..., :23] = changed[..., 26:] = 0.0  # all but slices 23, 24, 25
        torch.testing.assert_close(flat(changed), before)
        changed[..., 25] = 0.0
        assert not torch.allclose(flat(changed), before)
        one = flat.of_slices(cube[:, :, 8:40, 8:40, 24])
        three = [flat.of_slices(cube[:, :, 8:40, 8:40, n]) for n in (23, 24, 25)]
    assert not torch.allclose(one, before)
    torch.testing.assert_close(torch.stack(three).mean(0), before)


def test_outside_of_the_disk_nothing_is_seen(trained):
    image = torch.rand(1, 1, 32, 32)
    rows, columns = torch.meshgrid(torch.arange(32) - 15.5, torch.arange(32) - 15.5, indexing="ij")
    outside = rows**2 + columns**2 > 14.0**2
    other = torch.where(outside, 1 - image, image)
    with torch.inference_mode():
        torch.testing.assert_close(trained.of_slices(other), trained.of_slices(image))
        assert not torch.allclose(trained.of_slices(1 - image), trained.of_slices(image))


@pytest.mark.parametrize("part", ["cube", "slices"])
def test_one_part_can_learn_alone(part):
    net = network(part=part).train()
    net(torch.rand(2, 1, 48, 48, 48)).sum().backward()
    learning = {name for name, p in net.named_parameters() if p.grad is not None}
    assert learning
    assert all(name.startswith("slices.") == (part == "slices") for name in learning)


def test_folding_normalisations_changes_nothing_but_rounding(trained):
    cube = torch.rand(2, 1, 48, 48, 48)
    folded = network()
    folded.load_state_dict(trained.state_dict())
    count = fold_batch_norm(folded)
    assert count == 2 * fold_batch_norm(ResNet(n_input_channels=2, **CUBE).eval())
    with torch.inference_mode():
        torch.testing.assert_close(folded(cube), trained(cube), atol=1e-4, rtol=1e-4)
        quick = accelerate(trained, "bfloat16")
        torch.testing.assert_close(quick(cube), trained(cube), atol=0.05, rtol=0.05)
    assert precision_of(quick) == "bfloat16"


@pytest.mark.parametrize("part", ["both", "cube", "slices"])
def test_it_compiles_for_the_monai_deploy_package(trained, part):
    net = network(part=part)
    net.load_state_dict(trained.state_dict())
    cube = torch.rand(2, 1, 48, 48, 48)
    with torch.inference_mode():
        torch.testing.assert_close(torch.jit.script(net)(cube), net(cube))
