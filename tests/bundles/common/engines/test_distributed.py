"""Two processes on the CPU train one network."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from nodulus.bundles import config_files
from nodulus.bundles.common.data.draws import SeededSampler
from nodulus.bundles.common.engines import distributed

SAVE = "$torch.save(@network.state_dict(), @output_dir + f'/rank{engines.rank()}.pt')"


def test_two_processes_end_with_one_network(bundles, fake_data, tmp_path):
    extra = tmp_path / "extra.json"
    extra.write_text(json.dumps({"+run": [SAVE]}))
    out = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command += ["--master_port", "0", "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
    command += ["-m", "monai.bundle", "run"]
    command += ["--config_file", str([*config_files("nodule", "train"), str(extra)])]
    command += ["--data_dirs", f"['{fake_data}']", "--cache_dir", str(tmp_path / "cache")]
    command += ["--output_dir", str(out), "--runs_dir", "$None", "--device", "cpu"]
    command += ["--weights_path", str(tmp_path / "published" / "model.pt")]
    command += ["--steps", "2", "--validate_every", "1", "--batch_size", "2"]
    command += ["--workers", "0", "--crop_size", "32", "--ema_decay", "0.5", "--accumulate", "2"]
    done = subprocess.run(
        command,
        cwd=bundles.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(bundles.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, other = (torch.load(out / f"rank{r}.pt", weights_only=True) for r in (0, 1))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    last = torch.load(out / "checkpoint_2.pt", weights_only=True)
    assert last["settings"]["processes"] == 2
    assert all(torch.equal(value, last["network"][name]) for name, value in one.items())
    names = {path.name for path in out.iterdir()}
    assert {"checkpoint_1.pt", "checkpoint_2.pt", "best.pt", "final.pt", "patients.json"} <= names
    assert len(list((out / "log").iterdir())) == 1  # one process writes for TensorBoard
    assert (tmp_path / "published" / "model.pt").exists()
    assert done.stdout.count("Saved") + done.stderr.count("published") <= 1


def test_processes_share_the_draws_of_one_list():
    weights = [1.0, 2.0, 5.0]
    whole = SeededSampler(weights, 8, seed=1, replicas=1, rank=0)
    parts = [SeededSampler(weights, 4, seed=1, replicas=2, rank=r) for r in (0, 1)]
    for epoch in (1, 2):
        for sampler in (whole, *parts):
            sampler.set_epoch(epoch)
        drawn = [(int(d), d.number) for d in whole]
        assert [(int(d), d.number) for d in parts[0]] == drawn[::2]
        assert [(int(d), d.number) for d in parts[1]] == drawn[1::2]


def test_validation_is_shared_out_without_repeats(monkeypatch):
    assert distributed.shard([1, 2, 3]) is None
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    seen = []
    for rank in (0, 1):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        seen.append(list(distributed.shard([1, 2, 3, 4, 5])))
    assert seen == [[0, 2, 4], [1, 3]]
    with pytest.raises(ValueError, match="1 items to validate on are too few for 2"):
        distributed.shard([1])
