"""Which folder a study's new result may replace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from nodulus.app.result import StudyResult
from nodulus.app.results.failure_words import INCOMPLETE
from nodulus.app.results.folder import FINDINGS_FILE

if TYPE_CHECKING:
    from nodulus.app.results.study_plan import StudyPlan


def incomplete_folder(folder: Path) -> Path:
    """Give the folder for a result that lacks something, beside an earlier complete one."""
    return folder.with_name(f"{folder.name}~incomplete")


def folder_to_replace(folder: Path, plan: StudyPlan) -> Path:
    """Give the folder that a study's result goes to: ``folder``, or one beside it.

    Only a result of the same study is replaced, and a complete one by a complete one only.

    Args:
        folder: named after the study.
        plan: of the new result.
    """
    number, candidate = 1, folder
    while _is_taken(candidate, plan):
        number += 1
        candidate = folder.with_name(f"{folder.name}~{number}")
    if plan.failed and (earlier := stored_result(candidate)) is not None and is_complete(earlier):
        return incomplete_folder(candidate)
    return candidate


def stored_result(folder: Path) -> StudyResult | None:
    """Read the result in a study's folder; None where there is none that can be read."""
    try:
        return StudyResult.model_validate_json((folder / FINDINGS_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def is_complete(result: StudyResult) -> bool:
    """Whether everything that was asked for could be made."""
    return all(warning.code != INCOMPLETE for warning in result.warnings)


def _is_taken(folder: Path, plan: StudyPlan) -> bool:
    """Whether a folder holds the result of another study."""
    if not (folder / FINDINGS_FILE).exists():
        return False
    earlier = stored_result(folder)
    if earlier is None:
        return True  # nobody can tell whose it is
    if plan.result.study_uid is not None or earlier.study_uid is not None:
        return plan.result.study_uid != earlier.study_uid or not _is_same_patient(folder, plan)
    known = earlier.volume.source_sha256
    return known is None or known != plan.result.volume.source_sha256


def _is_same_patient(folder: Path, plan: StudyPlan) -> bool:
    if plan.sources is None or plan.options.deidentify:
        return True
    return is_of_patient(folder, plan.sources.datasets[0].get("PatientID"))


def is_of_patient(folder: Path, patient_id: str | None) -> bool:
    """Compare PatientID with that of an earlier object, where there is one to compare.

    Args:
        folder: with a result.
        patient_id: of the new one; None or empty where it is not known.
    """
    from pydicom import dcmread

    for path in sorted(folder.glob("*.dcm")):
        old = dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"]).get("PatientID")
        return not (patient_id and old and str(patient_id).strip() != str(old).strip())
    return True
