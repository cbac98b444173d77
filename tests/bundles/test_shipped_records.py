"""The records of patients beside the shipped weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.patient_record import PatientRecord, record_of_weights, unseen
from nodulus.bundles.common.patient_roles import Role, role_of
from nodulus.bundles.common.splits import Side

NAMES = ["segmentation", "nodule", "malignancy"]


def study(patient_id: str) -> Study:
    return Study("1.2.3.4.5.6", patient_id, None, None)


def training_patients(record: PatientRecord) -> list[str]:
    return [patient for patient, side in record.patients.items() if side is Side.TRAINING]


@pytest.fixture(params=NAMES)
def weights(bundles, request) -> Path:
    return bundles / request.param / "models" / "model.pt"


def test_each_record_is_of_the_weights_beside_it(weights):
    record = record_of_weights(weights)
    assert record is not None
    assert record.task == weights.parents[1].name
    # Public IDs alone, which anybody can compare.
    assert not [patient for patient in record.patients if patient.startswith("patient-")]


def test_no_reserved_patient_was_learnt_from(weights):
    record = record_of_weights(weights)
    learnt = training_patients(record)
    assert ("C3N-00247" in learnt) is (weights.parents[1].name != "malignancy")
    assert [patient for patient in learnt if role_of(patient) is Role.RESERVED] == []


def test_an_evaluation_on_whom_the_weights_know_is_refused(weights):
    learnt = training_patients(record_of_weights(weights))
    with pytest.raises(ValueError, match="learnt from 1 of the 2 test studies"):
        unseen([study(learnt[0]), study("somebody-else")], "test", weights)
    kept = [study("somebody-else")]
    assert unseen(kept, "test", weights) == kept
