"""result.json for mercure: a summary, and whether somebody is to be notified."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from nodulus.app.deploy.containers.mercure_settings import Notify
from nodulus.app.errors import NodulusError

if TYPE_CHECKING:
    from nodulus.app.run import StudyOutcome

NOTIFICATION = "__mercure_notification"


def mercure_result(
    outcomes: Sequence[StudyOutcome],
    problems: Sequence[NodulusError],
    published: Mapping[str, Mapping[str, str]],
    notify: Notify,
) -> str:
    """Give the content of result.json; it holds no patient identity.

    Args:
        outcomes: of the studies.
        problems: files that could not be used.
        published: the names of a study's files by what they are, by the study's key.
        notify: when a notification is asked for.
    """
    studies = [_study(outcome, published.get(outcome.study.key, {})) for outcome in outcomes]
    errors = [str(error) for error in (*problems, *(o.error for o in outcomes if o.error))]
    found = sum(study["findings"] or 0 for study in studies)
    suspicious = sum(study["suspicious"] or 0 for study in studies)
    failed = sum(study["findings"] is None for study in studies)
    reasons = {"never": False, "findings": found > 0, "suspicious": suspicious > 0}
    content = {
        "nodulus_version": metadata.version("nodulus"),
        "disclaimer": "Research software, not a medical device. Assists a reader.",
        "studies": studies,
        "errors": errors,
        NOTIFICATION: {
            "text": _text(len(studies), failed, found, suspicious, len(errors)),
            "requested": bool(errors) or reasons[notify],
        },
    }
    return json.dumps(content, indent=2) + "\n"


def _study(outcome: StudyOutcome, files: Mapping[str, str]) -> dict[str, Any]:
    """One study; one that could not be analysed has no number of findings, not 0."""
    result = outcome.result
    content = {
        "study": outcome.study.key,
        "findings": None if result is None else len(result.findings),
        "suspicious": None if result is None else sum(f.suspicious for f in result.findings),
        "error": None if outcome.error is None else outcome.error.code.value,
        "files": dict(files),
    }
    if outcome.note is not None and outcome.note.left_out is not None:
        content["failure_note_left_out"] = outcome.note.left_out
    return content


def _text(studies: int, failed: int, found: int, suspicious: int, errors: int) -> str:
    """What people get; what was not analysed comes first, and is no finding-free study."""
    parts = []
    if failed:
        parts.append(f"NOT ANALYSED: {failed} of {studies} stud{'y' if studies == 1 else 'ies'}")
    if studies > failed:
        parts.append(f"{found} finding{'' if found == 1 else 's'}, {suspicious} suspicious")
    if not studies:
        parts.append("NOT ANALYSED: no study")
    if errors:
        parts.append(f"{errors} problem{'' if errors == 1 else 's'}")
    return f"Nodulus: {'; '.join(parts)}. Research software; to be read by a radiologist."
