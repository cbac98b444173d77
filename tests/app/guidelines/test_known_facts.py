"""What is known of a patient: of the header, of a file, of a reader."""

from __future__ import annotations

import json

import pytest

from nodulus.app.errors import NodulusError
from nodulus.app.guidelines.clinical import (
    ChangingClinicalFile,
    ClinicalFacts,
    ClinicalFile,
    FindingFacts,
)
from nodulus.app.guidelines.known_facts import known_facts, of_header
from nodulus.app.guidelines.study_guidance import study_guidance
from tests.app.guidelines.test_assess import FACTS, finding

SOURCES = {"age_years": "DICOM PatientAge", "sex": "DICOM PatientSex"}


def listed(known):
    return {fact.name: (fact.value, fact.source) for fact in known.listed}


def test_the_header_gives_age_and_sex_alone():
    known = known_facts(None, 63.0, "female", SOURCES)
    assert known.facts == ClinicalFacts(age_years=63, sex="female")
    assert listed(known) == {
        "age_years": (63.0, "DICOM PatientAge"),
        "sex": ("female", "DICOM PatientSex"),
    }


def test_nothing_known_gives_nothing():
    known = known_facts(None)
    assert known.facts == ClinicalFacts()
    assert known.listed == ()


def test_the_file_goes_before_the_header_and_a_difference_is_told():
    facts = ClinicalFacts(
        age_years=63, sex="male", emphysema=False, findings={2: FindingFacts(spiculated=True)}
    )
    known = known_facts(facts, 63.0, "female", SOURCES)
    assert known.facts == facts
    assert known.differences == ("sex",)
    assert listed(known)["sex"] == ("male", "clinical file")
    assert listed(known)["emphysema"] == (False, "clinical file")
    assert listed(known)["findings.2.spiculated"] == (True, "clinical file")


def test_what_the_header_gave_is_known_to_a_later_call():
    known = known_facts(ClinicalFacts(emphysema=True), 63.0, "female", SOURCES)
    assert known_facts(None, **of_header(known.listed)).facts == ClinicalFacts(
        age_years=63, sex="female"
    )


def test_a_result_holds_all_that_the_guidelines_say():
    guidance = study_guidance((finding(),), known_facts(FACTS), ("a note",))
    assert guidance.exam is not None
    assert {one.guideline for one in guidance.findings[0].advice} == {
        "Lung-RADS v2022", "NELSON", "Fleischner 2017", "BTS 2015"
    }  # fmt: skip
    brock = guidance.findings[0].risk[0]
    assert brock.low == brock.high == pytest.approx(0.098808, abs=1e-6)
    fleischner = guidance.findings[0].advice[2]
    assert fleischner.needs_reader
    assert fleischner.unknown_applicability == ("screening",)
    assert type(guidance).model_validate_json(guidance.model_dump_json()) == guidance


def test_a_file_by_study_is_checked_whole(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"1.2": {"age_years": 60}, "1.3": {"age_years": -1}}))
    with pytest.raises(NodulusError, match="age_years"):
        ClinicalFile(path)
    path.write_text(json.dumps({"1.2": {"age_years": 60}}))
    facts = ClinicalFile(path)
    assert facts.facts_of("1.2") == ClinicalFacts(age_years=60)
    assert facts.facts_of("1.3") is None


def test_of_several_studies_only_what_a_programme_knows_may_be_said(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"screening": True, "round": "baseline"}))
    programme = ClinicalFile(path)
    programme.check_several()
    assert programme.facts_of("1.2") == ClinicalFacts(screening=True, round="baseline")
    path.write_text(json.dumps({"1.2": {"age_years": 60}}))
    ClinicalFile(path).check_several()
    path.write_text(json.dumps({"screening": True, "emphysema": False}))
    with pytest.raises(NodulusError, match="which study") as raised:
        ClinicalFile(path).check_several()
    assert raised.value.subject == str(path)


def test_a_file_that_changes_is_read_again_and_a_broken_one_is_not_taken(tmp_path, caplog):
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"1.2": {"age_years": 60}}))
    facts = ChangingClinicalFile(path)
    assert facts.facts_of("1.3") is None
    path.write_text(json.dumps({"1.2": {"age_years": 60}, "1.3": {"age_years": 70}}))
    assert facts.facts_of("1.3") == ClinicalFacts(age_years=70)
    path.write_text('{"1.3": {"age')
    assert facts.facts_of("1.3") == ClinicalFacts(age_years=70)
    assert caplog.text.count("holds") == 1
    path.write_text('{"age_years": 70}')
    assert facts.facts_of("1.2") == ClinicalFacts(age_years=60)
    path.unlink()
    assert facts.facts_of("1.2") == ClinicalFacts(age_years=60)
    assert caplog.text.count("holds") == 3
    path.write_text(json.dumps({"1.2": {"sex": "male"}}))
    assert facts.facts_of("1.2") == ClinicalFacts(sex="male")


def test_a_changing_file_of_one_patient_is_refused(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text('{"age_years": 61}')
    with pytest.raises(NodulusError, match="which study"):
        ChangingClinicalFile(path)


def test_a_table_without_studies_is_refused(tmp_path):
    path = tmp_path / "facts.csv"
    path.write_text("age_years\n60\n")
    with pytest.raises(NodulusError, match="study_uid"):
        ClinicalFile(path)
