"""A run that was stopped and resumed ends with the weights of one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from nodulus.bundles import config_files
from nodulus.bundles.common.engines import GradientClipper, latest

RUN = {"steps": 6, "validate_every": 2, "threads": 1, "patience": 5}
SMALL = {
    "segmentation": {"patch_size": 32, "network_def#channels": [4, 8, 8, 8], "ema_decay": 0.5},
    "malignancy": {"crop_size": 32, "schedule": "one_cycle"},
}


def weights(folder, name):
    state = torch.load(folder / name, weights_only=True)
    assert state
    return state


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_killed_while_training_with_workers(bundles, train, fake_data, tmp_path):
    options = {**RUN, **SMALL["segmentation"], "workers": 2, "seed": 3}
    train("segmentation", fake_data, tmp_path / "whole", **options)

    kill = tmp_path / "kill.json"
    call = "$lambda engine: os.kill(os.getpid(), signal.SIGKILL)"
    handler = {
        "_target_": "nodulus.bundles.common.engines.HandlerAt",
        "event": "$Events.ITERATION_COMPLETED(once=4)",
        "call": call,
    }
    kill.write_text(
        json.dumps({"+imports": ["$import os", "$import signal"], "+train#handlers": [handler]})
    )
    cut = tmp_path / "cut"
    files = [*config_files("segmentation", "train"), str(kill)]
    override = {
        **options,
        "device": "cpu",
        "data_dirs": [str(fake_data)],
        "output_dir": str(cut),
        "runs_dir": "$None",
        "batch_size": 2,
    }
    code = f"from monai.bundle import run; run(config_file={files!r}, **{override!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=bundles.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(bundles.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert latest(cut) == cut / "checkpoint_2.pt"
    assert not (cut / "final.pt").exists()

    train("segmentation", fake_data, cut, **options, resume=True)
    for name in ("final.pt", "best.pt"):
        assert_same(weights(cut, name), weights(tmp_path / "whole", name))
    kept = sorted(path.name for path in cut.glob("checkpoint_*"))
    assert kept == ["checkpoint_4.pt", "checkpoint_6.pt"]
    assert not list(cut.glob(".*"))
    state = weights(cut, "checkpoint_6.pt")
    # what was averaged is saved, and is not what was trained
    assert_same(state["ema"], weights(cut, "final.pt"))
    assert not torch.equal(*(next(iter(state[k].values())) for k in ("ema", "network")))


def test_an_error_in_the_midst(train, fake_data, tmp_path, monkeypatch):
    # the clipper is what fails, so that none of the runs may clip
    options = {**RUN, **SMALL["malignancy"], "max_grad_norm": 1e9}
    train("malignancy", fake_data, tmp_path / "whole", **options)

    def full(self, engine):
        if engine.state.iteration == 5:
            raise OSError("no space left on the device")

    cut = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(GradientClipper, "__call__", full)
        with pytest.raises(RuntimeError) as error:
            train("malignancy", fake_data, cut, **options)
    assert "no space left" in str(error.value.__cause__)
    assert latest(cut) == cut / "checkpoint_4.pt"
    assert not (cut / "final.pt").exists()

    train("malignancy", fake_data, cut, **options, resume=True)
    assert_same(weights(cut, "final.pt"), weights(tmp_path / "whole", "final.pt"))
