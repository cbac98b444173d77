"""Scans of patients that the networks were trained on are named."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nodulus.app.evaluation.scans.scan_table import ScanRow
from nodulus.app.evaluation.scans.training_patients import learnt_from
from nodulus.bundles.common.patient_record import PatientRecord, record_path
from nodulus.bundles.common.patient_tokens import key_name, load_key, series_token, token
from nodulus.bundles.common.splits import Side


def write_weights(folder: Path, name: str, patients: dict[str, Side] | None) -> None:
    weights = folder / name / "models" / "model.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(name.encode())
    if patients is None:
        return
    key = load_key()
    PatientRecord(
        name,
        {token(patient, key): side for patient, side in patients.items()},
        {series_token(f"scan of {p}", p, key): side for p, side in patients.items()},
        frozenset({key_name(key)}),
        hashlib.sha256(name.encode()).hexdigest(),
    ).write(record_path(weights))


def test_a_scan_of_a_patient_in_training_is_named(tmp_path: Path) -> None:
    write_weights(tmp_path, "segmentation", {"P1": Side.TRAINING, "P2": Side.VALIDATION})
    write_weights(tmp_path, "nodule", {"P2": Side.TRAINING})
    write_weights(tmp_path, "malignancy", None)
    scans = [ScanRow("a", "P1"), ScanRow("b", "P2"), ScanRow("c", "P3")]
    found = learnt_from(scans, tmp_path)
    assert found.networks == {"a": ("segmentation",), "b": ("nodule",), "c": ()}
    assert found.without_record == ("malignancy",)


def test_without_records_nothing_is_known(tmp_path: Path) -> None:
    for name in ("segmentation", "nodule", "malignancy"):
        write_weights(tmp_path, name, None)
    found = learnt_from([ScanRow("a", "P1")], tmp_path)
    assert found.networks == {}
    assert found.without_record == ("segmentation", "nodule", "malignancy")
