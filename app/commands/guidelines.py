"""`nodulus guidelines`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.guidelines.advice import Advice
    from nodulus.app.guidelines.assess import StudyAssessment
    from nodulus.app.guidelines.known_facts import KnownFacts
    from nodulus.app.guidelines.risk import RiskEstimate
    from nodulus.app.result import StudyResult

_FINDINGS = "findings.json"


@click.command("guidelines")
@click.argument("result", metavar="RESULT", type=click.Path(path_type=Path))
@click.option(
    "--clinical",
    type=click.Path(path_type=Path),
    help="JSON or CSV of what is known of the patient and what a reader says of findings.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Also write it all as JSON.",
)
def command(result: Path, clinical: Path | None, output: Path | None) -> None:
    """Say what guidelines and risk models advise for the findings of RESULT.

    RESULT is a study's result folder or its findings.json. Age and sex are those of its DICOM
    header where the file does not say them. What is not known is not assumed: where
    it matters, every answer that is possible is given.
    """
    from nodulus.app.guidelines.assess import assess
    from nodulus.app.guidelines.clinical import read_clinical
    from nodulus.app.guidelines.known_facts import known_facts, of_header
    from nodulus.bundles.common.atomic_files import atomic_write

    study = _read(result)
    of_file = read_clinical(clinical, study.study_uid) if clinical else None
    header = of_header(study.guidance.facts) if study.guidance else {}
    known = known_facts(of_file, **header)
    assessment = assess(study.findings, known.facts)
    if output is not None:
        content = {"facts": known.facts.model_dump(exclude_none=True), **asdict(assessment)}
        with atomic_write(output) as part:
            part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for line in _known(known):
        click.echo(line)
    for line in _lines(assessment):
        click.echo(line)


def _read(result: Path) -> StudyResult:
    from pydantic import ValidationError

    from nodulus.app.result import StudyResult

    path = result / _FINDINGS if result.is_dir() else result
    try:
        return StudyResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no result of a study"
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"The findings cannot be read: {reason}.",
            remedy="Give a folder that `nodulus detect` wrote for one study.",
            subject=path,
        ) from error


def _known(known: KnownFacts) -> list[str]:
    """What is known, and from where; and where file and header differ."""
    lines = [
        f"{fact.name.replace('_', ' ')}: {fact.value} ({fact.source})" for fact in known.listed
    ]
    return [
        *lines,
        *(
            f"warning: {name.replace('_', ' ')} differs in the DICOM header; the file's is used"
            for name in known.differences
        ),
    ]


def _lines(assessment: StudyAssessment) -> list[str]:
    lines = ["Advice of published guidelines; a reader decides. Not the networks' estimate."]
    if assessment.exam is not None:
        lines += ["Whole CT", *_advice(assessment.exam)]
    if assessment.baseline is not None:
        lines += [
            "Whole CT at a baseline screening, where a reader sees nothing that changes it",
            *_advice(assessment.baseline),
        ]
    for one in assessment.findings:
        lines.append(f"Finding {one.finding_id}")
        for advice in one.advice:
            lines += _advice(advice)
        lines += [_risk(estimate) for estimate in one.risk]
    return lines


def _advice(advice: Advice) -> list[str]:
    if advice.not_applicable:
        return [f"  {advice.guideline}: {advice.not_applicable}"]
    if advice.ruling is not None:
        ruling = advice.ruling
        lines = [f"  {advice.guideline}: {ruling.category} ({ruling.rule}): {ruling.management}"]
        if ruling.doubt:
            lines.append(f"      needs a reader: {ruling.doubt}")
    else:
        lines = [f"  {advice.guideline}: needs a reader; possible:"]
    if advice.unknown_applicability:
        names = ", ".join(name.replace("_", " ") for name in advice.unknown_applicability)
        lines.append(f"      whether it is for this patient is not known without: {names}")
    for alternative in advice.alternatives:
        if alternative.ruling is None:
            lines.append(f"      {alternative.condition}")
        else:
            condition = alternative.condition or "also by the text"
            lines.append(f"      {alternative.ruling.category}: {condition}")
    return lines


def _risk(estimate: RiskEstimate) -> str:
    if estimate.not_applicable:
        return f"  {estimate.model}: {estimate.not_applicable}"
    missing = ", ".join(name.replace("_", " ") for name in estimate.missing)
    if estimate.low is None or estimate.high is None:
        return f"  {estimate.model}: not known without {missing}"
    doubt = f"; {estimate.doubt}" if estimate.doubt else ""
    if estimate.probability is not None:
        return f"  {estimate.model}: {estimate.probability:.1%}{doubt}"
    return f"  {estimate.model}: {estimate.low:.1%} to {estimate.high:.1%} by {missing}{doubt}"
