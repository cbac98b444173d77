"""What guidelines and risk models say of a study's findings."""

from __future__ import annotations

from dataclasses import dataclass

from nodulus.app.guidelines.advice import Advice
from nodulus.app.guidelines.brock import BrockInputs, brock
from nodulus.app.guidelines.bts import BROCK_LIMIT, HERDER_LIMITS, BtsNodule, bts
from nodulus.app.guidelines.clinical import ClinicalFacts, FindingFacts
from nodulus.app.guidelines.fleischner import FleischnerNodule, FleischnerPatient, fleischner_nodule
from nodulus.app.guidelines.herder import herder
from nodulus.app.guidelines.lung_rads import lung_rads_nodule
from nodulus.app.guidelines.lung_rads_baseline import lung_rads_at_baseline
from nodulus.app.guidelines.lung_rads_exam import LungRadsExam, lung_rads_exam
from nodulus.app.guidelines.lung_rads_input import LungRadsNodule
from nodulus.app.guidelines.mayo import MayoInputs, mayo
from nodulus.app.guidelines.nelson import NelsonNodule, nelson
from nodulus.app.guidelines.risk import RiskEstimate
from nodulus.app.guidelines.rounding import mean_diameter_mm, mean_diameter_whole_mm, to_whole
from nodulus.app.result import Finding, TextureName


@dataclass(frozen=True)
class FindingAssessment:
    """What they say of one finding.

    Args:
        finding_id: which.
        advice: by guideline; of Lung-RADS only where the study may be a screening CT, of the
            others only where it may not be one.
        risk: Brock, Mayo and Herder.
    """

    finding_id: int
    advice: tuple[Advice, ...]
    risk: tuple[RiskEstimate, ...]


@dataclass(frozen=True)
class StudyAssessment:
    """What they say of a study.

    Args:
        exam: Lung-RADS of the whole CT; None where it is known to be no screening.
        findings: each by itself.
        baseline: Lung-RADS of the whole CT under the condition of `lung_rads_at_baseline`; None
            where it does not hold.
        baseline_finding: which finding it rests on; None without one.
    """

    exam: Advice | None
    findings: tuple[FindingAssessment, ...]
    baseline: Advice | None = None
    baseline_finding: int | None = None


def assess(findings: tuple[Finding, ...], facts: ClinicalFacts) -> StudyAssessment:
    """Apply every guideline and risk model.

    Sizes, texture and lobe are measured (of a solid part in an older result the longest axis stands
    for the mean of both: it can raise a category, not lower one). Calcium, fat and emphysema by
    Hounsfield units are not taken for what a reader sees: a benign sign is never assumed. What a
    reader must see or a clinic must know is taken from ``facts`` alone. Marks of the chain are not
    confirmed nodules: how many nodules there are is unknown unless ``facts`` has a count.

    Args:
        findings: of one study.
        facts: what is known of the patient, the study and the findings.
    """
    assessed = []
    nodules = []
    for finding in findings:
        known = facts.findings.get(finding.id, FindingFacts())
        nodule = _lung_rads_nodule(finding, known, facts)
        risk = _risk(finding, known, facts)
        advice = []
        if facts.screening is not False:
            advice += [lung_rads_nodule(nodule), *_nelson(finding, known)]
        if facts.screening is not True:
            advice += [_fleischner(finding, known, facts), _bts(finding, known, facts, risk)]
        nodules.append(nodule)
        assessed.append(FindingAssessment(finding.id, tuple(advice), risk))
    if facts.screening is False:
        return StudyAssessment(None, tuple(assessed))
    exam = lung_rads_exam(tuple(nodules), _exam(facts))
    baseline = lung_rads_at_baseline(tuple(nodules), _exam(facts))
    if baseline is None:
        return StudyAssessment(exam, tuple(assessed))
    rests_on = None if baseline.nodule is None else findings[baseline.nodule].id
    return StudyAssessment(exam, tuple(assessed), baseline.advice, rests_on)


def _texture(finding: Finding, known: FindingFacts) -> TextureName | None:
    return known.texture or finding.texture


def _upper_lobe(finding: Finding, known: FindingFacts) -> bool | None:
    if known.upper_lobe is not None:
        return known.upper_lobe
    possible = finding.possible_lobes if finding.lobe is None else (finding.lobe,)
    if possible and "upper" not in possible:
        return False
    return True if possible == ("upper",) else None


def _solid_diameter_mm(finding: Finding) -> float | None:
    """The mean of both axes of the solid part; of older results its longest one."""
    if finding.solid_mean_diameter_mm is not None:
        return finding.solid_mean_diameter_mm
    return finding.solid_longest_diameter_mm


def _exam(facts: ClinicalFacts) -> LungRadsExam:
    return LungRadsExam(
        round=facts.round,
        known_lung_cancer=facts.known_lung_cancer,
        prior_compared=facts.prior_compared,
        lungs_complete=facts.lungs_complete,
        inflammation=facts.inflammation,
        significant_other_finding=facts.significant_other_finding,
    )


def _lung_rads_nodule(
    finding: Finding, known: FindingFacts, facts: ClinicalFacts
) -> LungRadsNodule:
    status = known.status or ("baseline" if facts.round == "baseline" else None)
    solid = _solid_diameter_mm(finding)
    return LungRadsNodule(
        status=status,
        texture=_texture(finding, known),
        mean_diameter_mm=mean_diameter_mm(
            finding.longest_diameter_mm, finding.perpendicular_diameter_mm
        ),
        solid_mean_diameter_mm=solid,
        lymphadenopathy=facts.lymphadenopathy,
        metastasis=facts.metastasis,
        **known.model_dump(
            exclude={
                "status",
                "texture",
                "lymph_node_form",
                "upper_lobe",
                "fdg_uptake",
            }
        ),
    )


def _nelson(finding: Finding, known: FindingFacts) -> tuple[Advice, ...]:
    if _texture(finding, known) != "solid" or known.status not in (None, "baseline"):
        return ()
    return (nelson(NelsonNodule("baseline", finding.volume_mm3)),)


def _fleischner(finding: Finding, known: FindingFacts, facts: ClinicalFacts) -> Advice:
    solid = _solid_diameter_mm(finding)
    nodule = FleischnerNodule(
        texture=_texture(finding, known),
        mean_diameter_mm=mean_diameter_whole_mm(
            finding.longest_diameter_mm, finding.perpendicular_diameter_mm
        ),
        solid_mean_diameter_mm=None if solid is None else to_whole(solid),
        lymph_node_form=known.lymph_node_form,
    )
    patient = FleischnerPatient(
        age_years=facts.age_years,
        high_risk=facts.high_risk,
        immunosuppressed=facts.immunosuppressed,
        known_cancer=facts.known_cancer,
        screening=facts.screening,
    )
    several = None if facts.nodule_count is None else facts.nodule_count > 1
    return fleischner_nodule(nodule, patient, several)


def _bts(
    finding: Finding, known: FindingFacts, facts: ClinicalFacts, risk: tuple[RiskEstimate, ...]
) -> Advice:
    brock_risk, _, herder_risk = risk
    return bts(
        BtsNodule(
            texture=_texture(finding, known),
            maximum_diameter_mm=finding.longest_diameter_mm,
            volume_mm3=finding.volume_mm3,
            benign_calcification_or_fat=_any(known.benign_calcification, known.fat),
            lymph_node_form=known.lymph_node_form,
            brock_probability=_on_one_side(brock_risk, (BROCK_LIMIT,)),
            herder_probability=_on_one_side(herder_risk, HERDER_LIMITS),
            age_years=facts.age_years,
        )
    )


def _risk(finding: Finding, known: FindingFacts, facts: ClinicalFacts) -> tuple[RiskEstimate, ...]:
    """Brock, Mayo and Herder, in this order."""
    upper_lobe = _upper_lobe(finding, known)
    by_mayo = mayo(
        MayoInputs(
            diameter_mm=finding.longest_diameter_mm,
            age_years=facts.age_years,
            ever_smoker=facts.ever_smoker,
            extrathoracic_cancer_over_5_years_ago=facts.extrathoracic_cancer_over_5_years_ago,
            spiculated=known.spiculated,
            upper_lobe=upper_lobe,
            cancer_within_5_years=facts.cancer_within_5_years,
            lung_cancer_before=facts.lung_cancer_before,
        )
    )
    by_brock = brock(
        BrockInputs(
            diameter_mm=finding.longest_diameter_mm,
            female=None if facts.sex is None else facts.sex == "female",
            upper_lobe=upper_lobe,
            age_years=facts.age_years,
            family_history=facts.family_history,
            emphysema=facts.emphysema,
            texture=_texture(finding, known),
            nodule_count=facts.nodule_count,
            spiculated=known.spiculated,
            lymphadenopathy=facts.lymphadenopathy,
        )
    )
    return by_brock, by_mayo, herder(by_mayo, known.fdg_uptake)


def _on_one_side(risk: RiskEstimate, limits: tuple[float, ...]) -> float | None:
    """A probability that stands for a range which no limit divides; None for other ranges."""
    if risk.low is None or risk.high is None:
        return None
    divided = any(risk.low < limit <= risk.high for limit in limits)
    return None if divided else risk.low


def _any(*flags: bool | None) -> bool | None:
    """Whether one of them holds; None where that is not known."""
    if True in flags:
        return True
    return None if None in flags else False
