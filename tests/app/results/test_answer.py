"""The answer at the top of the report, from the guidelines' advice."""

from __future__ import annotations

from nodulus.app.guidelines.clinical import ClinicalFacts, FindingFacts
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.results.answer import answers
from nodulus.app.results.summary_lines import category_words
from nodulus.app.results.texts import Texts
from tests.app.guidelines.test_assess import FACTS, PLAIN, finding


def said(marks, **facts):
    known = known_facts(FACTS.model_copy(update=facts))
    return {one.guideline: one for one in answers(study_guidance(marks, known))}


def test_without_guidance_there_is_no_answer():
    assert answers(None) == ()


def test_a_screening_ct_has_the_category_of_the_whole():
    found = said((finding(),), screening=True)
    assert set(found) == {"Lung-RADS v2022", "NELSON"}
    exam = found["Lung-RADS v2022"]
    assert [one.category for one in exam.possible] == ["4A"]
    assert exam.finding_id is None
    assert not exam.needs_reader


def test_the_finding_that_asks_for_the_most_counts():
    small = finding(2, longest_diameter_mm=4.0, perpendicular_diameter_mm=4.0, volume_mm3=40.0)
    facts = {"findings": {1: PLAIN, 2: PLAIN}, "screening": False, "nodule_count": 2}
    for findings in ((finding(), small), (small, finding())):
        found = said(findings, **facts)
        assert [one.category for one in found["Fleischner 2017"].possible] == ["CT at 3-6 months"]
        assert found["Fleischner 2017"].finding_id == 1
        assert not found["Fleischner 2017"].needs_reader


def test_what_an_unknown_could_still_ask_for_is_told():
    found = said((finding(),), screening=False, findings={1: FindingFacts(spiculated=False)})
    fleischner = found["Fleischner 2017"]
    assert {one.category for one in fleischner.possible} == {
        "no routine follow-up", "CT at 3 months, PET/CT or tissue"
    }  # fmt: skip
    assert fleischner.missing == ("lymph_node_form",)
    assert fleischner.needs_reader


def test_an_unknown_below_what_is_certain_does_not_show():
    sure = finding(1)
    unsure = finding(2, longest_diameter_mm=4.0, perpendicular_diameter_mm=4.0, volume_mm3=40.0)
    facts = {"findings": {1: PLAIN}, "screening": False, "nodule_count": 2, "high_risk": None}
    fleischner = said((sure, unsure), **facts)["Fleischner 2017"]
    assert [one.category for one in fleischner.possible] == ["CT at 3-6 months"]


def test_nothing_known_leaves_it_to_a_reader():
    found = answers(study_guidance((finding(),), known_facts(ClinicalFacts())))
    assert {one.guideline for one in found} == {
        "Lung-RADS v2022", "NELSON", "Fleischner 2017", "BTS 2015"
    }  # fmt: skip
    assert all(one.needs_reader for one in found if one.guideline != "NELSON")
    by_name = {one.guideline: one for one in found}
    assert "screening" in by_name["Fleischner 2017"].unknown_applicability
    # without a Brock probability more than a discharge may be due
    assert by_name["BTS 2015"].unsettled
    assert not by_name["BTS 2015"].is_certain
    assert "brock_probability" in by_name["BTS 2015"].missing
    assert category_words(by_name["BTS 2015"], Texts()) == "discharge or not known"


def test_without_findings_the_exam_alone_answers():
    found = said((), screening=True)
    assert [one.category for one in found["Lung-RADS v2022"].possible] == ["1"]


def test_of_many_categories_the_ends_are_named():
    found = {one.guideline: one for one in answers(study_guidance((finding(),), known_facts(None)))}
    exam = found["Lung-RADS v2022"]
    assert exam.ends == ("0", "4X")
    assert category_words(exam, Texts()) == "0 to 4X"
