"""What guidelines say, in the structured report: coded, apart from the networks' estimate."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import pytest
from pydicom import dcmread

from nodulus.app.guidance import AdviceRecord, RulingRecord
from nodulus.app.guidelines.clinical import ClinicalFacts, FindingFacts
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.results import guideline_codes
from nodulus.app.results.file_plan import SR_FILE
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from tests.app.guidelines.test_assess import FACTS, PLAIN

from .dicom_objects import concept, items
from .fixed_texts import of_guidelines
from .others import validate
from .synthetic import result_for, two_labels, write_series


def written(tmp_path: Path, facts: ClinicalFacts):
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    result = result_for(volume, labels)
    guidance = study_guidance(result.findings, known_facts(facts, 70.0, "female"))
    result = result.model_copy(update={"guidance": guidance})
    options = OutputOptions(report=False)
    write_results(tmp_path / "out", volume, labels, result, options=options)
    path = tmp_path / "out" / SR_FILE
    return result, dcmread(path), path


def coded(group):
    return {
        concept(item): item.ConceptCodeSequence[0].CodeMeaning
        for item in group.ContentSequence
        if item.ValueType == "CODE"
    }


def test_categories_and_probabilities_are_coded_and_the_object_is_valid(tmp_path: Path) -> None:
    known = {"screening": False, "findings": {1: PLAIN, 2: FindingFacts()}}
    result, sr, path = written(tmp_path, FACTS.model_copy(update=known))
    first, second = [i for i in items(sr) if concept(i) == "Measurement Group"]
    category = result.guidance.findings[0].advice[0].ruling.category
    assert coded(first)["Category by Fleischner 2017"] == category
    assert coded(second)["Category by Fleischner 2017"] == guideline_codes.NEEDS_READER.meaning
    brock = [
        float(item.MeasuredValueSequence[0].NumericValue)
        for item in first.ContentSequence
        if item.ValueType == "NUM" and "by Brock" in concept(item)
    ]
    assert brock == [pytest.approx(100 * result.guidance.findings[0].risk[0].low, abs=0.01)]
    texts = [item.TextValue for item in items(sr) if item.ValueType == "TEXT"]
    assert any("Fleischner 2017: " in text and "Needs a reader" in text for text in texts)
    assert any("age years 60.0 (clinical file)" in text for text in texts)
    validate(path)
    assert hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()


def test_of_an_unknown_both_ends_of_the_probability_stand(tmp_path: Path) -> None:
    result, sr, path = written(tmp_path, ClinicalFacts())
    group = next(i for i in items(sr) if concept(i) == "Measurement Group")
    ends = {
        inner.ConceptCodeSequence[0].CodeMeaning: float(item.MeasuredValueSequence[0].NumericValue)
        for item in group.ContentSequence
        if item.ValueType == "NUM" and "by Mayo" in concept(item)
        for inner in item.get("ContentSequence", [])
        if concept(inner) == "Derivation"
    }
    risk = result.guidance.findings[0].risk[1]
    assert ends == {
        "Minimum": pytest.approx(100 * risk.low, abs=0.01),
        "Maximum": pytest.approx(100 * risk.high, abs=0.01),
    }
    validate(path)


def test_of_a_ct_that_may_be_no_screening_the_condition_stands_with_the_category(
    tmp_path: Path,
) -> None:
    _, sr, _ = written(tmp_path, ClinicalFacts())
    texts = [item.TextValue for item in items(sr) if item.ValueType == "TEXT"]
    (said,) = [text for text in texts if "Lung-RADS v2022: " in text]
    assert "not assessed: not known to be a screening CT. At a baseline screening" in said
    assert "All that is possible: 0 to 4X" in said
    assert "not known: round" in said


def test_every_category_has_a_code_of_its_own() -> None:
    def code(category: str):
        ruling = RulingRecord(category=category, management="", rule="")
        return guideline_codes.category_code(
            AdviceRecord(guideline="NELSON", source="", ruling=ruling, needs_reader=False)
        )

    made = {text: code(text) for text in of_guidelines()}
    assert len({one.value for one in made.values()}) == len(made)
    assert max(len(one.value) for one in made.values()) <= 16
    assert max(len(one.meaning) for one in made.values()) <= 64
