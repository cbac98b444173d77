"""Fine-tuning: what is taken over, frozen and learns."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import ResNet

from nodulus.bundles.common.engines import load_weights
from nodulus.bundles.common.finetuning import blocks_of, parameter_groups, start


def network():
    return ResNet("basic", [1] * 4, [4, 8, 8, 8], spatial_dims=3, n_input_channels=1, num_classes=1)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "model.pt"
    torch.save(network().state_dict(), path)
    return path


def learning(net):
    return {name.split(".")[0] for name, p in net.named_parameters() if p.requires_grad}


def test_body_is_taken_over_and_the_head_is_new(weights):
    torch.manual_seed(1)
    state, net = torch.load(weights), start(network(), weights, "all").state_dict()
    assert torch.equal(net["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])
    assert not torch.equal(net["fc.weight"], state["fc.weight"])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("head", {"fc"}),
        ("blocks", {"layer3", "layer4", "fc"}),
        ("all", {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"}),
    ],
)
def test_what_learns(weights, mode, expected):
    net = start(network(), weights, mode)
    assert learning(net) == expected
    groups = parameter_groups(net, mode, 0.1)
    assert sum(len(g["params"]) for g in groups) == sum(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize(
    ("count", "expected"), [(1, {"layer4"}), (3, {"layer2", "layer3", "layer4"})]
)
def test_the_last_blocks_are_as_many_as_asked_for(weights, count, expected):
    assert learning(start(network(), weights, "blocks", count)) == {*expected, "fc"}


def test_blocks_are_counted_within_a_stage_too():
    deep = ResNet("basic", [2, 1, 1, 2], [4] * 4, spatial_dims=3, n_input_channels=1, num_classes=1)
    assert blocks_of(deep)[-3:] == ["layer3.0.", "layer4.0.", "layer4.1."]
    with pytest.raises(ValueError, match="no residual blocks"):
        blocks_of(torch.nn.Linear(1, 1))


def test_more_blocks_than_there_are_is_refused(weights):
    for count in (0, 5):
        with pytest.raises(ValueError, match=f"1 to 4, got {count}"):
            start(network(), weights, "blocks", count)


def test_frozen_stages_keep_their_statistics_and_the_others_do_not(weights):
    net = start(network(), weights, "blocks", 1).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net(torch.randn(2, 1, 16, 16, 16))
    changed = {
        n.split(".")[0] for n, v in net.state_dict().items() if not torch.equal(v, before[n])
    }
    assert changed == {"layer4"}
    assert set(before) == set(network().state_dict())  # the weights load anywhere


def test_each_stage_learns_slower_than_the_next(weights):
    net = start(network(), weights, "all")
    groups = parameter_groups(net, "all", 0.1, 0.5)
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    named = {name.split(".")[0]: rates[id(p)] for name, p in net.named_parameters()}
    expected = {"fc": 0.1, "layer4": 0.05, "layer3": 0.025, "layer2": 0.0125, "layer1": 0.00625}
    assert named == pytest.approx({**expected, "conv1": 0.003125, "bn1": 0.003125})
    with pytest.raises(ValueError, match="layer_decay"):
        parameter_groups(net, "all", 0.1, 0.0)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nodule/model.pt"):
        start(network(), tmp_path / "nodule/model.pt", "all")
    with pytest.raises(ValueError, match="needs initial_weights"):
        start(network(), None, "head")
    assert learning(start(network(), None, "scratch")) == learning(network())


def test_weights_may_lack_a_part_that_they_are_older_than(weights):
    net = network()
    net.add_module("slices", torch.nn.Linear(2, 1))
    before = net.slices.weight.detach().clone()
    with pytest.raises(ValueError, match="do not fit"):
        load_weights(net, weights)
    load_weights(net, weights, may_lack=("slices.",))
    assert torch.equal(net.fc.weight, torch.load(weights, weights_only=True)["fc.weight"])
    assert torch.equal(net.slices.weight, before)
    newer = weights.parent / "newer.pt"
    net.slices.weight.data += 1
    torch.save(net.state_dict(), newer)
    again = network()
    again.add_module("slices", torch.nn.Linear(2, 1))
    load_weights(again, newer, may_lack=("slices.",))
    assert torch.equal(again.slices.weight, net.slices.weight)
