"""What is known of a patient, by a clinical file and an image header, and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nodulus.app.guidance import KnownFact
from nodulus.app.guidelines.clinical import ClinicalFacts

CLINICAL_FILE, READER = "clinical file", "reader"
_SAME_AGE_YEARS = 1.0
_OF_FINDING = "findings."


@dataclass(frozen=True)
class KnownFacts:
    """Facts with where they come from.

    Args:
        facts: as the guidelines take them.
        listed: each that is known.
        differences: names of facts that the header tells otherwise than the file, which is taken.
    """

    facts: ClinicalFacts
    listed: tuple[KnownFact, ...]
    differences: tuple[str, ...] = ()


def known_facts(
    of_file: ClinicalFacts | None,
    age_years: float | None = None,
    sex: Literal["female", "male"] | None = None,
    sources: Mapping[str, str] | None = None,
    of_reader: ClinicalFacts | None = None,
) -> KnownFacts:
    """Put together what a reader, a clinical file and an image header tell; nothing is filled in.

    Args:
        of_file: from :func:`.clinical.read_clinical`; what it says goes before the header.
        age_years: of the header.
        sex: of the header.
        sources: by name, where ``age_years`` and ``sex`` come from.
        of_reader: entered in a review; what it says goes before both.
    """
    by_reader = dict(_said(of_reader or ClinicalFacts()))
    said = {**dict(_said(of_file or ClinicalFacts())), **by_reader}
    facts = _facts(said)
    header = {"age_years": age_years, "sex": sex}
    differences = tuple(
        name
        for name, value in header.items()
        if value is not None and not _agree(getattr(facts, name), value)
    )
    added = {
        name: value
        for name, value in header.items()
        if value is not None and getattr(facts, name) is None
    }
    listed = [
        KnownFact(name=name, value=value, source=READER if name in by_reader else CLINICAL_FILE)
        for name, value in _said(facts)
    ]
    listed += [
        KnownFact(name=name, value=value, source=(sources or {}).get(name, "DICOM"))
        for name, value in added.items()
    ]
    return KnownFacts(facts.model_copy(update=added), tuple(listed), differences)


def of_header(listed: tuple[KnownFact, ...]) -> dict[str, Any]:
    """The arguments of `known_facts` that a result's own facts give."""
    own = {fact.name: fact for fact in listed if fact.source != CLINICAL_FILE}
    taken: dict[str, Any] = {name: own[name].value for name in ("age_years", "sex") if name in own}
    return {**taken, "sources": {name: own[name].source for name in taken}}


def of_clinical_file(listed: tuple[KnownFact, ...]) -> ClinicalFacts:
    """What a result's own facts had from a clinical file."""
    return _facts({fact.name: fact.value for fact in listed if fact.source == CLINICAL_FILE})


def _agree(said: object, header: object) -> bool:
    if said is None:
        return True
    if isinstance(said, float) and isinstance(header, float):
        return abs(said - header) <= _SAME_AGE_YEARS
    return said == header


def _said(facts: ClinicalFacts) -> list[tuple[str, Any]]:
    content = facts.model_dump(exclude_none=True)
    findings = content.pop("findings")
    return [
        *content.items(),
        *(
            (f"{_OF_FINDING}{number}.{name}", value)
            for number, finding in findings.items()
            for name, value in finding.items()
        ),
    ]


def _facts(said: Mapping[str, Any]) -> ClinicalFacts:
    """The inverse of `_said`."""
    content: dict[str, Any] = {"findings": {}}
    for name, value in said.items():
        if name.startswith(_OF_FINDING):
            _, number, field = name.split(".")
            content["findings"].setdefault(int(number), {})[field] = value
        else:
            content[name] = value
    return ClinicalFacts.model_validate(content)
