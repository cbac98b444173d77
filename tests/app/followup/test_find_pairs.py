"""Scans of a patient in the order of their dates."""

from __future__ import annotations

import datetime as dt

from nodulus.app.followup.find_pairs import find_pairs
from nodulus.app.followup.scan_header import ScanHeader


def header(patient, day):
    known = None if patient is None else (patient, "")
    return ScanHeader(known, None if day is None else dt.date(2020, 1, day))


def test_scans_of_a_patient_are_put_in_order():
    found = find_pairs([header("A", 9), header("B", 1), header("A", 2), header("A", 5)])
    assert found.series == ((2, 3, 0),)
    assert found.left_out == ()


def test_the_same_number_of_another_issuer_is_another_patient():
    scans = [ScanHeader(("A", issuer), dt.date(2020, 1, day)) for day, issuer in enumerate("xy", 1)]
    assert find_pairs(scans).series == ()


def test_what_has_no_place_is_said():
    scans = [header(None, 1), header("A", None), header("A", 2), header("A", 2), header("A", 3)]
    found = find_pairs(scans)
    assert found.series == ((2, 4),)
    assert dict(found.left_out) == {
        0: "it has no PatientID",
        1: "it has no date",
        3: "the patient has another scan of that day",
    }
