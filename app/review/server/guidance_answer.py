"""What guidelines advise on a reviewed study, as it is sent."""

from __future__ import annotations

from pydantic import BaseModel, Field

from nodulus.app.guidance import KnownFact
from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.results.guideline_rows import guideline_rows
from nodulus.app.review.desk import DeskStudy
from nodulus.app.review.review_state import ReviewState
from nodulus.app.review.reviewed_guidance import reviewed_guidance


class AdviceAnswer(BaseModel):
    """What a guideline asks for, as if each finding that is not rejected were a nodule."""

    guideline: str
    category: str = Field(description="Or every one that what is known leaves possible")
    advice: str
    finding: str = Field(description="On which it rests")


class GuidanceAnswer(BaseModel):
    """What guidelines advise, by what is known now."""

    entered: ClinicalFacts | None = Field(description="By readers; null where nothing was")
    known: list[KnownFact] = Field(description="From all sources; what is not here is not known")
    notes: list[str]
    advice: list[AdviceAnswer]


def guidance_answer(study: DeskStudy, state: ReviewState) -> GuidanceAnswer:
    """Give what guidelines advise as it is sent.

    Args:
        study: of the desk.
        state: of its review, for who asks.
    """
    guidance = reviewed_guidance(study.result, state)
    return GuidanceAnswer(
        entered=state.clinical,
        known=list(guidance.facts),
        notes=list(guidance.notes),
        advice=[
            AdviceAnswer(guideline=guideline, category=category, advice=advice, finding=finding)
            for guideline, category, advice, finding in guideline_rows(guidance)
        ],
    )
