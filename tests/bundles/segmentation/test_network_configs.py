from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

CONFIGS = Path(__file__).resolve().parents[3] / "bundles" / "segmentation" / "configs"
PRIOR_LOGIT = -4.595  # of 0.01


@pytest.fixture(params=["dynunet", "dynunet_deep_supervision"])
def config(request) -> ConfigParser:
    config = ConfigParser()
    files = [CONFIGS / "train.json", CONFIGS / "networks" / f"{request.param}.json"]
    config.read_config([str(file) for file in files])
    return config


def test_it_trains_and_infers_as_the_bundle_does(config):
    torch.manual_seed(0)
    network = config.get_parsed_content("network")
    loss = config.get_parsed_content("loss")
    image = torch.rand(1, 1, 32, 32, 32)
    label = torch.zeros(1, 1, 32, 32, 32, dtype=torch.uint8)
    label[..., 10:20, 10:20, 10:20] = 1
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    before = None
    for _ in range(8):
        optimizer.zero_grad()
        value = loss(network(image), label)
        before = value.item() if before is None else before
        value.backward()
        optimizer.step()
    assert value.item() < 0.8 * before
    unused = [name for name, p in network.named_parameters() if p.grad is None]
    assert not unused
    assert network.eval()(image).shape == image.shape


def test_every_output_starts_from_the_prior(config):
    network = config.get_parsed_content("network").train()
    convolutions = (m for m in network.modules() if isinstance(m, torch.nn.Conv3d))
    last = [m for m in convolutions if m.out_channels == 1]
    assert len(last) == (3 if "deep_supervision" in config["network_def"] else 1)
    assert all(m.bias.item() == pytest.approx(PRIOR_LOGIT, abs=1e-3) for m in last)
