"""Which scans the networks have learnt from, as the records beside their weights tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nodulus.app.chain.models import BUNDLES
from nodulus.app.evaluation.scans.scan_table import ScanRow
from nodulus.bundles.common.patient_record import PatientRecord, record_of_weights
from nodulus.bundles.common.patient_tokens import load_key, series_token, token
from nodulus.bundles.common.splits import Side

NETWORKS = ("segmentation", "nodule", "malignancy")


@dataclass(frozen=True)
class LearntFrom:
    """What is known.

    Args:
        networks: by series UID those that learnt from the patient.
        without_record: networks that do not tell.
    """

    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without_record: tuple[str, ...] = NETWORKS


def learnt_from(scans: Iterable[ScanRow], models: Path | None) -> LearntFrom:
    """Look each scan's patient and series up in the records.

    Args:
        scans: with their patients.
        models: folder of the bundles; None for the shipped ones.

    Raises:
        ValueError: a file is no record; names it.
    """
    root = BUNDLES if models is None else models
    records = {
        name: record
        for name in NETWORKS
        if (record := record_of_weights(root / name / "models" / "model.pt")) is not None
    }
    found = {scan.series_uid: _networks(scan, records) for scan in scans} if records else {}
    return LearntFrom(found, tuple(name for name in NETWORKS if name not in records))


def _networks(scan: ScanRow, records: Mapping[str, PatientRecord]) -> tuple[str, ...]:
    key = load_key()
    patient, series = token(scan.patient, key), series_token(scan.series_uid, scan.patient, key)
    return tuple(
        name
        for name, record in records.items()
        if record.patients.get(patient) is Side.TRAINING
        or record.series.get(series) is Side.TRAINING
    )
