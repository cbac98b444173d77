"""What a reader knows of the patient, and what guidelines advise by it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.result import StudyResult
from nodulus.app.results.answer import Answer, answers
from nodulus.app.review.double_reading import StudyLogs, first_reads
from nodulus.app.review.entries import parse_data
from nodulus.app.review.review_state import reviewed
from nodulus.app.review.reviewed_guidance import reviewed_guidance
from tests.app.review.review_samples import entry, make_result

BASELINE = {
    "screening": True, "round": "baseline", "known_lung_cancer": False, "lungs_complete": True,
    "inflammation": False, "lymphadenopathy": False, "metastasis": False,
}  # fmt: skip
BENIGN_SIGNS = {
    "status": "baseline", "benign_calcification": False, "fat": False, "juxtapleural": False,
    "airway": "none", "cyst": "none", "spiculated": False,
}  # fmt: skip


def result_of(of_file: ClinicalFacts | None = None) -> StudyResult:
    """Two solid findings of 8.0 by 6.0 mm, of a woman of 63 by her header."""
    result = make_result()
    sources = {"age_years": "DICOM PatientAge", "sex": "DICOM PatientSex"}
    known = known_facts(of_file, 63.0, "female", sources)
    return result.model_copy(update={"guidance": study_guidance(result.findings, known)})


def lung_rads(result: StudyResult, *entries: Any) -> Answer:
    guidance = reviewed_guidance(result, reviewed(result, entries))
    return next(one for one in answers(guidance) if one.guideline.startswith("Lung-RADS"))


def known(result: StudyResult, *entries: Any) -> dict[str, tuple[Any, str]]:
    guidance = reviewed_guidance(result, reviewed(result, entries))
    return {fact.name: (fact.value, fact.source) for fact in guidance.facts}


def test_nothing_is_known_until_somebody_says_it() -> None:
    result = result_of()
    assert reviewed_guidance(result, reviewed(result, ())) == result.guidance
    assert reviewed(result, ()).clinical is None


def test_what_is_entered_settles_the_category() -> None:
    """A mean of 7.0 mm, solid, at baseline is category 3 (6 to below 8 mm)."""
    facts = {**BASELINE, "findings": {"1": BENIGN_SIGNS, "2": BENIGN_SIGNS}}
    said = lung_rads(result_of(), entry(1, "clinical", facts=facts))
    assert [ruling.category for ruling in said.possible] == ["3"]
    assert said.is_certain


def test_a_rejected_finding_counts_no_more() -> None:
    facts = {**BASELINE, "findings": {"1": BENIGN_SIGNS, "2": BENIGN_SIGNS}}
    entries = [
        entry(1, "clinical", facts=facts),
        entry(2, "reject", "1", reason="vessel"),
        entry(3, "reject", "2", reason="scar"),
    ]
    assert [ruling.category for ruling in lung_rads(result_of(), *entries).possible] == ["1"]


def test_the_reader_goes_before_the_file_and_the_file_before_the_header() -> None:
    result = result_of(ClinicalFacts(age_years=62, emphysema=True, ever_smoker=True))
    entered = entry(1, "clinical", facts={"emphysema": False, "sex": "male"})
    assert known(result, entered) == {
        "age_years": (62.0, "clinical file"),
        "ever_smoker": (True, "clinical file"),
        "emphysema": (False, "reader"),
        "sex": ("male", "reader"),
    }
    notes = reviewed_guidance(result, reviewed(result, (entered,))).notes
    assert any("Sex differs" in note for note in notes)


def test_the_last_entry_holds_as_a_whole_and_can_be_taken_back() -> None:
    result = result_of()
    entries = [
        entry(1, "clinical", facts={"ever_smoker": True, "emphysema": True}),
        entry(2, "clinical", facts={"emphysema": True}),
    ]
    assert "ever_smoker" not in known(result, *entries)
    assert known(result, *entries, entry(3, "undo", entry=2))["ever_smoker"] == (True, "reader")


def test_the_texture_is_the_readers() -> None:
    facts = {**BASELINE, "findings": {"1": BENIGN_SIGNS, "2": BENIGN_SIGNS}}
    entries = [
        entry(1, "clinical", facts=facts),
        *(entry(n + 1, "change", str(n), texture="ground-glass") for n in (1, 2)),
    ]
    assert [ruling.category for ruling in lung_rads(result_of(), *entries).possible] == ["2"]


def test_of_two_readers_what_neither_denies_is_known() -> None:
    def log(who: str, **facts: Any) -> tuple[Any, ...]:
        return (
            entry(1, "clinical", who=who, facts=facts),
            entry(2, "accept", "1", who=who),
            entry(3, "accept", "2", who=who),
            entry(4, "sign-off", who=who),
        )

    one = log("A", emphysema=True, sex="male", findings={"1": {"fat": False, "spiculated": True}})
    two = log("B", emphysema=True, sex="female", ever_smoker=False,
              findings={"1": {"fat": True}})  # fmt: skip
    both = first_reads(make_result(), StudyLogs(first={"A": one, "B": two}))
    assert both is not None
    assert both.start.clinical == ClinicalFacts.model_validate(
        {"emphysema": True, "ever_smoker": False, "findings": {1: {"spiculated": True}}}
    )


@pytest.mark.parametrize("facts", [{"smoker": True}, {"age_years": -1}, {"emphysema": "perhaps"}])
def test_facts_that_cannot_be_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parse_data("clinical", {"facts": facts})
