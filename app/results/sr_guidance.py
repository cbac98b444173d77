"""What guidelines and risk models say, as content items of the structured report.

It is apart from the networks' estimate: under concept names of its own, and in comments that begin
with the guideline's name.
"""

from __future__ import annotations

from typing import Any

import highdicom as hd

from nodulus.app.guidance import FindingGuidance, Guidance, RiskRecord
from nodulus.app.results import codes, guideline_codes
from nodulus.app.results.answer import answers
from nodulus.app.results.summary_lines import (
    category_words,
    condition_words,
    possible_words,
)
from nodulus.app.results.texts import Texts


def guidance_of(guidance: Guidance | None, finding_id: int) -> FindingGuidance | None:
    """Give what is said of one finding."""
    if guidance is None:
        return None
    return next((one for one in guidance.findings if one.finding_id == finding_id), None)


def category_evaluations(said: FindingGuidance | None) -> list[Any]:
    """Give each guideline's category of a finding as a coded evaluation."""
    if said is None:
        return []
    return [
        hd.sr.QualitativeEvaluation(
            guideline_codes.guideline_code(advice.guideline), guideline_codes.category_code(advice)
        )
        for advice in said.advice
    ]


def risk_measurements(said: FindingGuidance | None) -> list[Any]:
    """Give each risk model's probability of a finding; of a range both ends, as derived."""
    if said is None:
        return []
    return [item for risk in said.risk for item in _risk(risk)]


def _risk(risk: RiskRecord) -> list[Any]:
    if risk.low is None or risk.high is None or risk.not_applicable is not None:
        return []
    ends: tuple[tuple[float, Any], ...] = ((risk.low, codes.MINIMUM), (risk.high, codes.MAXIMUM))
    if risk.low == risk.high:
        ends = ((risk.low, None),)
    return [
        hd.sr.Measurement(
            name=guideline_codes.risk_code(risk.model),
            value=round(100 * value, 2),
            unit=codes.PERCENT,
            derivation=derivation,
        )
        for value, derivation in ends
    ]


def advice_texts(
    guidance: Guidance | None, about: str = "as if each finding were a nodule"
) -> list[str]:
    """Give the answer of the whole study in words, a text for each guideline; and its grounds.

    Args:
        guidance: of the study.
        about: says what the guidelines were applied to.
    """
    if guidance is None:
        return []
    texts = Texts()
    lines = []
    for one in answers(guidance):
        words = f"{one.guideline}: {category_words(one, texts)}"
        if one.conditional is not None:
            words += f". {condition_words(one, texts)}"
            if not one.is_certain:
                words += f". All that is possible: {possible_words(one, texts)}"
        elif one.finding_id is not None:
            words += f" (finding {one.finding_id})"
        if one.is_certain and one.conditional is None:
            words += f". {one.possible[0].management}. Rule: {one.possible[0].rule}"
        if one.needs_reader:
            words += ". Needs a reader"
            names = [name.replace("_", " ") for name in (*one.missing, *one.unknown_applicability)]
            words += f"; not known: {', '.join(dict.fromkeys(names))}" if names else ""
        lines.append(f"Guideline, {about}: {words}.")
    known = [f"{f.name.replace('_', ' ')} {f.value} ({f.source})" for f in guidance.facts]
    lines.append(f"Known of the patient: {'; '.join(known) or 'nothing'}.")
    return lines
