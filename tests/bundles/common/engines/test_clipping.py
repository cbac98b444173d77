"""Gradients are clipped."""

from __future__ import annotations

import pytest
import torch
from monai.engines import SupervisedTrainer

from nodulus.bundles.common.engines import GradientClipper


def trained(batches, accumulate, max_norm=1.0, steps=None):
    """A trainer of y = w x with L = w x; its gradient is the mean of x."""
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    trainer = SupervisedTrainer(
        device="cpu",
        max_epochs=1,
        train_data_loader=[{"image": torch.full((1, 1), x), "label": 0} for x in batches],
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 1.0),
        loss_function=lambda pred, label: pred,
        prepare_batch=lambda batch, *_, **__: (batch["image"], batch["label"]),
        train_handlers=[GradientClipper(network, max_norm)],
        accumulation_steps=accumulate,
        decollate=False,
    )
    trainer.run()
    return network.weight.item()


def test_small_gradients_stay_and_large_ones_shrink():
    assert trained([0.25], 1) == pytest.approx(0.75)
    assert trained([8.0], 1) == pytest.approx(0.0, abs=1e-5)


def test_accumulated_gradients_are_clipped_once_when_all_are_there():
    # (8 - 7) / 2 is small: each one clipped by itself would give another step
    assert trained([8.0, -7.0], 2) == pytest.approx(0.5)


def test_what_is_left_at_the_end_of_an_epoch_is_clipped_too():
    assert trained([0.5, 0.5, 8.0], 2) == pytest.approx(1 - 0.5 - 1.0, abs=1e-5)


def test_scaled_gradients_are_brought_back_first():
    class Engine:
        accumulation_steps = 1

        class state:
            iteration = 1
            epoch_length = 1

        class scaler:
            @staticmethod
            def unscale_(optimizer):
                for parameter in optimizer:
                    parameter.grad /= 1024

    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.grad = torch.full((1, 1), 512.0)
    Engine.optimizer = list(network.parameters())
    GradientClipper(network, 1.0)(Engine)
    assert network.weight.grad.item() == 0.5


def test_a_step_without_finite_gradients_is_left_out_and_said(caplog):
    with caplog.at_level("WARNING"):
        weight = trained([0.25, float("nan"), float("inf"), 0.25], 1)
    assert weight == pytest.approx(0.5)
    said = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert [text.split(" is ")[0] for text in said] == ["step 2", "step 3"]


def test_one_that_stays_so_has_diverged():
    assert trained([*[float("nan")] * 19, 0.25, *[float("nan")] * 19], 1) == pytest.approx(0.75)
    with pytest.raises(FloatingPointError, match="learning_rate"):
        trained([float("nan")] * 20, 1)
