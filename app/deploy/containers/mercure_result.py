"""result.json for mercure: a summary, and whether somebody is to be notified."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from nodulus.app.deploy.containers.mercure_settings import Notify
from nodulus.app.errors import NodulusError
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
    found = sum(study["findings"] for study in studies)
    suspicious = sum(study["suspicious"] for study in studies)
    reasons = {"never": False, "findings": found > 0, "suspicious": suspicious > 0}
    content = {
        "nodulus_version": metadata.version("nodulus"),
        "disclaimer": "Research software, not a medical device. Assists a reader.",
        "studies": studies,
        "errors": errors,
        NOTIFICATION: {
            "text": _text(found, suspicious, len(errors)),
            "requested": bool(errors) or reasons[notify],
        },
    }
    return json.dumps(content, indent=2) + "\n"


def _study(outcome: StudyOutcome, files: Mapping[str, str]) -> dict[str, Any]:
    findings = () if outcome.result is None else outcome.result.findings
    return {
        "study": outcome.study.key,
        "findings": len(findings),
        "suspicious": sum(finding.suspicious for finding in findings),
        "files": dict(files),
    }


def _text(found: int, suspicious: int, errors: int) -> str:
    text = f"Nodulus: {found} finding{'' if found == 1 else 's'}, {suspicious} suspicious"
    if errors:
        text += f"; {errors} problem{'' if errors == 1 else 's'} with the input"
    return text + ". Research software; to be read by a radiologist."
