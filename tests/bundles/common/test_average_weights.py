from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bundles.common.average_weights import average, main
from bundles.common.patient_record import (
    PatientRecord,
    record_of_weights,
    record_path,
)
from bundles.common.splits import Side


def state(value: float, steps: int) -> dict[str, torch.Tensor]:
    return {"weight": torch.full((2, 3), value), "steps": torch.tensor(steps)}


def saved(path: Path, value: float, patient: str | None) -> Path:
    torch.save(state(value, 7), path)
    if patient is not None:
        import hashlib

        sha = hashlib.sha256(path.read_bytes()).hexdigest()
        record = PatientRecord("nodule", {patient: Side.TRAINING}, {}, frozenset({"k"}))
        replace(record, weights_sha256=sha).write(record_path(path))
    return path


def test_the_mean_is_weighted_and_counters_are_the_second_s() -> None:
    mean = average(state(1.0, 3), state(3.0, 9), 0.25)
    assert torch.equal(mean["weight"], torch.full((2, 3), 1.5))
    assert mean["steps"] == 9
    assert torch.equal(average(state(1.0, 3), state(3.0, 9), 0.0)["weight"], torch.ones(2, 3))


@pytest.mark.parametrize(
    "other", [{"weight": torch.ones(2, 3)}, {**state(1, 1), "weight": torch.ones(3)}]
)
def test_weights_of_different_networks_are_refused(other: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="different networks"):
        average(state(1.0, 3), other, 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        average(state(1.0, 3), state(1.0, 3), 1.5)


def test_the_command_writes_weights_and_whom_both_have_seen(tmp_path: Path) -> None:
    before = saved(tmp_path / "before.pt", 1.0, "first")
    after = saved(tmp_path / "after.pt", 2.0, "second")
    main([str(before), str(after), "--share", "0.5", "-o", str(tmp_path / "model.pt")])
    mean = torch.load(tmp_path / "model.pt", weights_only=True)
    assert torch.equal(mean["weight"], torch.full((2, 3), 1.5))
    record = record_of_weights(tmp_path / "model.pt")
    assert record is not None
    assert set(record.patients) == {"first", "second"}
    assert not list(tmp_path.glob("*.part"))


def test_without_records_there_is_none(tmp_path: Path) -> None:
    before, after = (saved(tmp_path / f"{n}.pt", n, None) for n in (1, 2))
    record_path(tmp_path / "model.pt").write_text("{}", encoding="utf-8")
    main([str(before), str(after), "-o", str(tmp_path / "model.pt")])
    assert not record_path(tmp_path / "model.pt").exists()
