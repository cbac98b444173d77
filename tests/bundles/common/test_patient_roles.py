"""Which patients are for training, validation and tests."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nodulus.bundles.common.patient_roles import Role, listed_roles, role_of

SHARED = Path(__file__).parents[4] / "shared" / "data"


def test_patients_without_a_line_are_training_in_lidc_idri_and_open_elsewhere():
    assert role_of("LIDC-IDRI-0001") is Role.TRAINING
    assert role_of("LUNG1-002") is Role.RESERVED
    assert role_of("QIN-LSC-0014") is Role.TRAINING
    assert role_of("patient-of-a-user") is None


def test_every_reserved_patient_of_the_data_at_hand_is_reserved():
    path = SHARED / "lidc_crops" / "reserved_patients.txt"
    if not path.is_file():
        pytest.skip(f"no {path.name} of the real crops")
    given = path.read_text().split()
    assert {role_of(patient) for patient in given} == {Role.RESERVED}
    own = {p for p, role in listed_roles().items() if role is Role.RESERVED}
    assert own - set(given) == {"LUNG1-002", "MIDRC-RICORD-1A-419639-001012"}


def test_every_patient_of_the_crops_is_reserved():
    path = SHARED / "lidc_crops" / "labels.csv"
    if not path.is_file():
        pytest.skip("no real crops")
    with path.open(encoding="utf-8", newline="") as file:
        assert {role_of(row["patient"]) for row in csv.DictReader(file)} == {Role.RESERVED}
