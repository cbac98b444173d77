"""What guidelines and risk models say of a study, as it goes into its result."""

from __future__ import annotations

from nodulus.app.guidance import (
    AdviceRecord,
    FindingGuidance,
    Guidance,
    RiskRecord,
)
from nodulus.app.guidelines.advice import Advice
from nodulus.app.guidelines.assess import assess
from nodulus.app.guidelines.known_facts import KnownFacts
from nodulus.app.result import Finding


def study_guidance(
    findings: tuple[Finding, ...], known: KnownFacts, notes: tuple[str, ...] = ()
) -> Guidance:
    """Apply every guideline and risk model to the findings of a study.

    Args:
        findings: as measured.
        known: of the patient; what is not known is not assumed.
        notes: what could not be taken, and why.
    """
    assessment = assess(findings, known.facts)
    return Guidance(
        facts=known.listed,
        notes=notes,
        exam=_record(assessment.exam),
        baseline=_record(assessment.baseline),
        baseline_finding=assessment.baseline_finding,
        findings=tuple(
            FindingGuidance(
                finding_id=one.finding_id,
                advice=tuple(AdviceRecord.model_validate(advice) for advice in one.advice),
                risk=tuple(RiskRecord.model_validate(estimate) for estimate in one.risk),
            )
            for one in assessment.findings
        ),
    )


def _record(advice: Advice | None) -> AdviceRecord | None:
    return None if advice is None else AdviceRecord.model_validate(advice)
