"""A scan is known by its patient, and by its series where the patient's name is another one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nodulus.app.evaluation.scans.scan_table import ScanRow
from nodulus.app.evaluation.scans.training_patients import learnt_from
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.patient_record import PatientRecord, record_path, unseen
from nodulus.bundles.common.patient_tokens import key_name, load_key, series_token, token
from nodulus.bundles.common.splits import Side


def write_weights(folder: Path, series: dict[str, Side]) -> Path:
    """Weights whose record knows these series, of patients under other names."""
    weights = folder / "nodule" / "models" / "model.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    key = load_key()
    PatientRecord(
        "nodule",
        {token(f"earlier name {n}", key): side for n, side in enumerate(series.values())},
        {series_token(uid, "somebody", key): side for uid, side in series.items()},
        frozenset({key_name(key)}),
        hashlib.sha256(b"weights").hexdigest(),
    ).write(record_path(weights))
    return weights


def test_a_series_in_training_is_named_whatever_its_patient_is_called(tmp_path: Path) -> None:
    write_weights(tmp_path, {"1.2.1": Side.TRAINING, "1.2.2": Side.VALIDATION})
    scans = [ScanRow(uid, "a new name") for uid in ("1.2.1", "1.2.2", "1.2.3")]
    found = learnt_from(scans, tmp_path)
    assert found.networks == {"1.2.1": ("nodule",), "1.2.2": (), "1.2.3": ()}


def test_an_evaluation_refuses_it_too(tmp_path: Path) -> None:
    weights = write_weights(tmp_path, {"1.2.1": Side.TRAINING, "1.2.2": Side.VALIDATION})

    def study(uid: str) -> Study:
        return Study(uid, "a new name", Path("x.mhd"), None)

    free = [study("1.2.2"), study("1.2.3")]
    assert list(unseen(free, Side.TEST, weights)) == free
    with pytest.raises(ValueError, match="learnt from 1 of the 2 test studies"):
        unseen([study("1.2.1"), study("1.2.3")], Side.TEST, weights)
    assert len(unseen([study("1.2.1")], Side.TRAINING, weights)) == 1
