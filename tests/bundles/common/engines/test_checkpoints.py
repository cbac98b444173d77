"""Checkpoints are kept, and a run resumes from them."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine, Events

from nodulus.bundles.common.engines import HandlerAt, attach_checkpoints, best_checkpoint, latest
from nodulus.bundles.common.engines.checkpoints import WholeFiles


class Run:
    """An engine that counts, and an evaluator whose scores are given."""

    def __init__(self, folder, scores, settings=None, **options):
        self.network = torch.nn.Linear(1, 1)
        self.trainer = Engine(self.step)
        self.trainer.scaler = None
        self.evaluator = Engine(lambda engine, batch: None)
        self.evaluator.state.key_metric_name = "score"
        self.evaluator.state.best_metric, self.evaluator.state.best_metric_epoch = -1, -1
        self.best = best_checkpoint(self.network, folder)
        self.scores = scores
        self.evaluator.add_event_handler(Events.EPOCH_COMPLETED, self.score)
        HandlerAt(Events.EPOCH_COMPLETED, self.best).attach(self.evaluator)
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda _: self.evaluator.run([0]))
        state = {"network": self.network, "best_checkpoint": self.best, "nothing": None}
        attach_checkpoints(
            self.trainer, self.evaluator, state, settings or {"seed": 1}, folder, **options
        )

    def step(self, engine, batch):
        self.network.bias.data += 1.0

    def score(self, engine):
        engine.state.metrics["score"] = self.scores[self.trainer.state.epoch - 1]

    def __call__(self, epochs):
        self.trainer.run([0, 0], max_epochs=epochs)
        return self.trainer.state.epoch


def best(folder):
    return torch.load(folder / "best.pt", weights_only=True)["bias"].item()


def test_the_last_ones_and_the_best_are_kept(tmp_path):
    run = Run(tmp_path, [0.5, 0.9, 0.7, 0.8], keep=2)
    start = run.network.bias.item()
    run(4)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best.pt", "checkpoint_6.pt", "checkpoint_8.pt"]
    assert best(tmp_path) == pytest.approx(start + 4)


def test_a_worse_epoch_after_resuming_does_not_replace_the_best(tmp_path):
    Run(tmp_path, [0.9])(1)
    before = best(tmp_path)
    assert Run(tmp_path, [0.9, 0.1], resume=True)(2) == 2
    assert best(tmp_path) == before
    Run(tmp_path, [0.9, 0.1, 0.95], resume=True)(3)
    assert best(tmp_path) == pytest.approx(before + 4)
    assert sorted(p.name for p in tmp_path.glob("c*")) == ["checkpoint_4.pt", "checkpoint_6.pt"]


def test_early_stopping_survives_resuming_and_stays_stopped(tmp_path):
    scores = [0.5, 0.4, 0.3, 0.2, 0.1]
    assert Run(tmp_path / "whole", scores, patience=2)(5) == 3
    assert Run(tmp_path / "cut", scores, patience=2)(2) == 2
    assert Run(tmp_path / "cut", scores, patience=2, resume=True)(5) == 3
    assert Run(tmp_path / "cut", scores, patience=2, resume=True)(5) == 3


def test_other_settings_are_refused(tmp_path):
    Run(tmp_path, [0.5])(1)
    again = Run(tmp_path, [0.5, 0.5], {"seed": 2}, resume=True)
    bias = again.network.bias.item()
    with pytest.raises(ValueError, match=r"had seed 1 \(now 2\)"):
        again(2)
    assert again.network.bias.item() == bias


def test_without_resume_an_earlier_run_is_replaced(tmp_path):
    Run(tmp_path, [0.5] * 5)(5)
    assert latest(tmp_path).name == "checkpoint_10.pt"
    assert Run(tmp_path, [0.5])(1) == 1
    assert [path.name for path in tmp_path.glob("checkpoint*")] == ["checkpoint_2.pt"]


def test_nothing_to_resume_starts_anew(tmp_path):
    assert latest(tmp_path / "none") is None
    assert Run(tmp_path / "none", [0.5], resume=True)(1) == 1


def test_an_old_file_goes_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    files = WholeFiles(tmp_path)
    files({"a": 1}, "one.pt")
    files.remove("one.pt")
    assert (tmp_path / "one.pt").exists()

    def full(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OSError, match="no space"):
            files({"a": 2}, "two.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["one.pt"]
    files({"a": 2}, "two.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["two.pt"]
