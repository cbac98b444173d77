"""Schedules of the learning rate."""

from __future__ import annotations

import pytest
import torch

from nodulus.bundles.common.engines import learning_rate, learning_rate_schedule


def rates(name, steps=100, warmup=0.1):
    network = torch.nn.Linear(2, 1)
    groups = [{"params": [network.weight], "lr": 0.1}, {"params": [network.bias], "lr": 0.01}]
    optimizer = torch.optim.AdamW(groups, lr=0.1)
    schedule = learning_rate_schedule(optimizer, name, steps, warmup)
    seen = []
    for _ in range(steps):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    assert learning_rate(optimizer)(None) == optimizer.param_groups[0]["lr"]
    return torch.tensor(seen)


@pytest.mark.parametrize(("name", "peak"), [("cosine", 10), ("one_cycle", 29)])
def test_up_and_down(name, peak):
    seen = rates(name)
    assert seen[0, 0] == pytest.approx(0.001, rel=1e-4)
    assert int(seen[:, 0].argmax()) == peak
    assert seen[:, 0].max() == pytest.approx(0.1)
    assert torch.all(seen[:peak, 0].diff() > 0)
    assert torch.all(seen[peak:, 0].diff() < 0)
    assert seen[-1, 0] < 0.0005
    torch.testing.assert_close(seen[:, 1], seen[:, 0] / 10)


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
def test_a_state_dict_can_be_loaded_without_pickle(name, tmp_path):
    optimizer = torch.optim.AdamW(torch.nn.Linear(2, 1).parameters(), lr=0.1)
    schedule = learning_rate_schedule(optimizer, name, 10, 0.1)
    torch.save(schedule.state_dict(), tmp_path / "s.pt")
    schedule.load_state_dict(torch.load(tmp_path / "s.pt", weights_only=True))


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="not a valid Schedule"):
        rates("steps")
