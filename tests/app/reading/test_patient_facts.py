"""Age and sex from a header, and doubts that name no value."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from nodulus.app.reading.patient_facts import patient_facts


def header(**attributes):
    made = Dataset()
    made.StudyDate = "20200615"
    for name, value in attributes.items():
        # whatever stands there, as it comes from a file
        made.add_new(name, made.get_item(name).VR if name in made else _VR[name], value)
    return made


_VR = {"PatientAge": "AS", "PatientBirthDate": "DA", "PatientSex": "CS", "StudyDate": "DA"}
AGE, BIRTH = "DICOM PatientAge", "DICOM PatientBirthDate and the scan's date"


@pytest.mark.filterwarnings("ignore:.*Invalid value for VR")
@pytest.mark.parametrize(
    ("attributes", "age", "source", "doubt"),
    [
        ({}, None, None, None),
        ({"PatientAge": ""}, None, None, None),
        ({"PatientAge": "063Y"}, 63.0, AGE, None),
        ({"PatientAge": "018M"}, 1.5, AGE, None),
        ({"PatientAge": "052W"}, pytest.approx(0.9966, abs=1e-3), AGE, None),
        ({"PatientAge": "000Y"}, None, None, "no age that can be"),
        ({"PatientAge": "121Y"}, None, None, "no age that can be"),
        ({"PatientAge": "999Y"}, None, None, "no age that can be"),
        ({"PatientAge": "63"}, None, None, "no Age String"),
        ({"PatientAge": "sixty"}, None, None, "no Age String"),
        ({"PatientBirthDate": "19570614"}, 63.0, BIRTH, None),
        ({"PatientBirthDate": "19570616"}, 62.0, BIRTH, None),
        ({"PatientBirthDate": "18000101"}, None, None, "no age that can be"),
        ({"PatientBirthDate": "20210101"}, None, None, "no age that can be"),
        ({"PatientBirthDate": "19570616", "StudyDate": ""}, None, None, None),
        ({"PatientBirthDate": "unknown"}, None, None, None),
        ({"PatientAge": "063Y", "PatientBirthDate": "19570616"}, 63.0, AGE, None),
        ({"PatientAge": "063Y", "PatientBirthDate": "19470616"}, None, None, "disagree"),
        ({"PatientAge": "000Y", "PatientBirthDate": "19570614"}, 63.0, BIRTH, "no age that can be"),
    ],
)
def test_the_age_is_what_the_header_tells(attributes, age, source, doubt):
    facts = patient_facts(header(**attributes))
    assert (facts.age_years, facts.age_source) == (age, source)
    assert (doubt in facts.doubts[0]) if doubt else facts.doubts == ()


@pytest.mark.parametrize(
    ("told", "sex"), [("F", "female"), ("M", "male"), ("O", None), ("", None), ("f", "female")]
)
def test_the_sex_is_what_the_header_tells(told, sex):
    facts = patient_facts(header(PatientSex=told))
    assert facts.sex == sex
    assert facts.sources == ({"sex": "DICOM PatientSex"} if sex else {})


def test_the_doubts_hold_no_value():
    facts = patient_facts(header(PatientAge="063Y", PatientBirthDate="19470616"))
    assert "1947" not in str(facts.doubts)
