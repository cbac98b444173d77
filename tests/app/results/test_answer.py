"""The answer at the top of the report, from the guidelines' advice."""

from __future__ import annotations

from nodulus.app.guidelines.clinical import ClinicalFacts, FindingFacts
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.results.answer import answers
from nodulus.app.results.summary_lines import category_words, condition_words, possible_words
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
    assert possible_words(exam, Texts()) == "0 to 4X"


def test_of_a_ct_that_may_be_no_screening_nothing_is_assessed_and_what_it_would_be_is_said():
    """10.0 by 9.0 mm, 500 mm3, solid: 4A at baseline (8 to below 15 mm), NELSON indeterminate."""
    found = {one.guideline: one for one in answers(study_guidance((finding(),), known_facts(None)))}
    at_baseline = (
        "At a baseline screening, where a reader sees nothing that changes the category:"
        " 4A (nodule 1): low-dose CT in 3 months; PET/CT where the solid part is 8 mm or more"
    )
    at_screening = "If it is a screening CT: indeterminate (nodule 1): CT at 3 months"
    for name, words in (("Lung-RADS v2022", at_baseline), ("NELSON", at_screening)):
        one = found[name]
        assert one.needs_reader
        assert category_words(one, Texts()) == "not assessed: not known to be a screening CT"
        assert condition_words(one, Texts()) == words
    assert not found["BTS 2015"].condition


def test_of_a_screening_ct_with_too_much_unknown_the_category_at_baseline_is_said():
    known = known_facts(ClinicalFacts(screening=True))
    exam = answers(study_guidance((finding(),), known))[0]
    assert category_words(exam, Texts()) == "not settled"
    assert ": 4A (nodule 1): " in condition_words(exam, Texts())
    later = known_facts(ClinicalFacts(screening=True, round="follow-up"))
    exam = answers(study_guidance((finding(),), later))[0]
    assert category_words(exam, Texts()) == "0 to 4X"
    assert condition_words(exam, Texts()) == ""


def test_a_category_that_is_settled_stands_alone():
    exam = said((finding(),), screening=True)["Lung-RADS v2022"]
    assert (category_words(exam, Texts()), exam.conditional) == ("4A", None)
    few = said((finding(),), screening=True, inflammation=None)["Lung-RADS v2022"]
    assert (category_words(few, Texts()), few.conditional) == ("0 or 4A", None)
    exam = said((finding(),), screening=True, known_lung_cancer=True)["Lung-RADS v2022"]
    assert category_words(exam, Texts()) == "not for patients with a known lung cancer"


def test_without_findings_the_condition_is_said_too():
    (exam,) = answers(study_guidance((), known_facts(None)))
    assert condition_words(exam, Texts()).endswith(": 1: low-dose CT in 12 months")
