from __future__ import annotations

import pytest
import torch
from monai.networks.nets import ResNet

from bundles.common.finetuning import parameter_groups, start


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


def test_early_layers_learn_slower(weights):
    groups = parameter_groups(start(network(), weights, "all"), "all", 0.1)
    assert groups[1]["lr"] == pytest.approx(0.01)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nodule/model.pt"):
        start(network(), tmp_path / "nodule/model.pt", "all")
    with pytest.raises(ValueError, match="needs initial_weights"):
        start(network(), None, "head")
    assert learning(start(network(), None, "scratch")) == learning(network())
