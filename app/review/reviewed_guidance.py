"""What guidelines and risk models say of a study as its readers left it."""

from __future__ import annotations

from nodulus.app.guidance import Guidance
from nodulus.app.guidelines.known_facts import known_facts, of_clinical_file, of_header
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.result import StudyResult
from nodulus.app.review.review_state import ReviewState


def reviewed_guidance(result: StudyResult, state: ReviewState) -> Guidance:
    """Apply every guideline and risk model to what the readers did not reject.

    Sizes and textures are those that hold now. What a reader entered of the patient goes before
    what the analysis knew from a clinical file, and that before the DICOM header. Findings have
    their labels as ids, as in the page; of the chain's these are the same.

    Args:
        result: of the chain.
        state: of its review.
    """
    before = () if result.guidance is None else result.guidance.facts
    known = known_facts(of_clinical_file(before), **of_header(before), of_reader=state.clinical)
    findings = tuple(
        f.finding.model_copy(update={"id": f.label, "texture": f.texture})
        for f in state.findings
        if f.decision != "rejected"
    )
    notes = () if result.guidance is None else result.guidance.notes
    differ = tuple(
        f"{name.replace('_', ' ').capitalize()} differs in the DICOM header; check that what was"
        " entered is of this patient."
        for name in known.differences
    )
    return study_guidance(findings, known, (*notes, *differ))
