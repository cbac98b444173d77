"""Every fixed text in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.results import writers
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.study_plan import StudyAnalysis, plan
from nodulus.app.results.texts import Texts, other_languages, translations

from .fixed_texts import every_text
from .synthetic import result_for, two_labels, write_series

PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")


def test_every_fixed_text_is_in_the_table_and_no_other() -> None:
    assert set(translations()) == every_text()


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_every_language_has_every_text_with_its_values(language: str) -> None:
    assert language in other_languages()
    for english, own in translations().items():
        assert set(own) == set(other_languages()), english
        assert own[language].strip(), english
        assert sorted(PLACEHOLDER.findall(own[language])) == sorted(PLACEHOLDER.findall(english)), (
            english
        )


def test_a_text_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        Texts("de")("a text of tomorrow")
    assert Texts("de").known("a text of tomorrow") == "a text of tomorrow"
    assert Texts("en")("a text of tomorrow") == "a text of tomorrow"


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_the_report_and_the_summary_are_in_the_language(tmp_path: Path, language: str) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    result = result_for(volume, labels)
    known = known_facts(ClinicalFacts(emphysema=True), 63.0, "female")
    result = result.model_copy(update={"guidance": study_guidance(result.findings, known)})
    options = OutputOptions(summary=True, language=language)  # type: ignore[arg-type]
    planned = plan(volume, StudyAnalysis(labels, result), options)
    html = next(iter(writers.report(planned).values())).decode()
    text = next(iter(writers.summary(planned).values())).decode()
    assert f'<html lang="{language}">' in html
    say = Texts(language)  # type: ignore[arg-type]
    for english in ("What guidelines advise", "Ranked by malignancy", "How this was found"):
        assert say(english) in html
        assert (english in html) == (language == "en")
    assert text.startswith(say("Lung nodules in chest CT") + "\n")
    assert say("emphysema") in html
