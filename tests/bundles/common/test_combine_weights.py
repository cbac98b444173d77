"""Weights put together out of several files, and whom they have seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nodulus.bundles.common.atomic_files import sha256
from nodulus.bundles.common.combine_weights import main, mean_of, with_part
from nodulus.bundles.common.patient_record import PatientRecord, record_of_weights, record_path
from nodulus.bundles.common.splits import Side


def state(value: float, count: int = 1) -> dict[str, torch.Tensor]:
    return {
        "conv.weight": torch.tensor([value, 2 * value]),
        "bn.num_batches_tracked": torch.tensor(count),
        "slices.conv.weight": torch.tensor([10 * value]),
    }


def write(path: Path, value: float, record: bool = True, **sides: Side) -> Path:
    torch.save(state(value), path)
    if record:
        made = PatientRecord("nodule", sides, {}, frozenset({str(value)}), sha256(path))
        made.write(record_path(path))
    return path


def test_the_mean_counts_each_file_as_often_as_it_should():
    mean = mean_of([state(1.0, 5), state(4.0, 9)])
    assert mean["conv.weight"].tolist() == [2.5, 5.0]
    assert mean["bn.num_batches_tracked"].item() == 5
    weighted = mean_of([state(1.0), state(4.0)], [2, 1])
    assert weighted["conv.weight"].tolist() == [2.0, 4.0]
    assert weighted["conv.weight"].dtype == torch.float32


@pytest.mark.parametrize("shares", [[1], [1, -1], [0, 0]])
def test_shares_that_do_not_fit_are_refused(shares):
    with pytest.raises(ValueError, match="2 files need as many shares"):
        mean_of([state(1.0), state(2.0)], shares)


def test_other_networks_are_refused():
    with pytest.raises(ValueError, match="different networks"):
        mean_of([state(1.0), {"conv.weight": torch.zeros(2)}])


def test_a_part_comes_from_one_file_alone():
    joined = with_part(state(1.0), state(3.0), "slices.")
    assert joined["conv.weight"].tolist() == [1.0, 2.0]
    assert joined["slices.conv.weight"].tolist() == [30.0]
    with pytest.raises(ValueError, match="no name begins with"):
        with_part(state(1.0), state(3.0), "head.")


def test_the_command_joins_weights_and_records(tmp_path):
    a = write(tmp_path / "a.pt", 1.0, one=Side.TRAINING, two=Side.TEST)
    b = write(tmp_path / "b.pt", 3.0, one=Side.VALIDATION, two=Side.TRAINING)
    c = write(tmp_path / "c.pt", 5.0, two=Side.TEST, three=Side.VALIDATION)
    output = tmp_path / "model.pt"
    main([str(a), str(b), "--part", "slices.", str(c), "-o", str(output)])
    made = torch.load(output, weights_only=True)
    assert made["conv.weight"].tolist() == [2.0, 4.0]
    assert made["slices.conv.weight"].tolist() == [50.0]
    record = record_of_weights(output)
    assert record is not None
    assert record.patients == {
        "one": Side.TRAINING, "two": Side.TRAINING, "three": Side.VALIDATION,
    }  # fmt: skip
    assert record.keys == frozenset({"1.0", "3.0", "5.0"})


def test_weights_that_do_not_say_whom_they_saw_are_refused(tmp_path, capsys):
    a = write(tmp_path / "a.pt", 1.0, one=Side.TRAINING)
    b = write(tmp_path / "b.pt", 3.0, record=False)
    with pytest.raises(SystemExit):
        main([str(a), str(b), "-o", str(tmp_path / "model.pt")])
    assert "b.patients.json: does not say whom b.pt learnt from" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(a), str(tmp_path / "none.pt"), "-o", str(tmp_path / "model.pt")])
    assert "none.pt: no weights" in capsys.readouterr().err
