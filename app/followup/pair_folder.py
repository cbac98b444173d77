"""The folder of a comparison: replaced by one of the same two studies, and by no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from nodulus.app.followup.result import FollowUp, ScanOfPair
from nodulus.app.reading.safe_key import safe_key
from nodulus.app.results.folder import check_folder, replaced_folder
from nodulus.app.results.same_study import is_of_patient

FOLLOW_UP_FILE = "follow_up.json"
"""The file by which a folder of a comparison is known."""
_SUFFIX = "~follow-up"
"""Beside the current study's own results, should they be in the same place."""


def pair_folder(root: Path, study_uid: str | None, series_uid: str) -> Path:
    """Give the folder for the comparisons of a current study.

    Args:
        root: where results go.
        study_uid: of the current study; None for research formats.
        series_uid: of its series, or its file's stem.
    """
    return root / (safe_key(study_uid or series_uid) + _SUFFIX)


def check_pair_folder(folder: Path) -> None:
    """Make sure that a comparison can be written, before the hours of work.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
    """
    check_folder(folder, FOLLOW_UP_FILE)


def publish_follow_up(
    folder: Path, found: FollowUp, files: Mapping[str, bytes], patient_id: str | None
) -> Path:
    """Write a comparison's folder as a whole, or leave an earlier one as it was.

    A comparison of other studies, or of another patient's, is not replaced: the new one goes beside
    it, with a number.

    Args:
        folder: from `pair_folder`.
        found: what has changed.
        files: what is written beside follow_up.json, by name.
        patient_id: to be compared with that in earlier objects, and never written.

    Returns:
        Where it was written.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the folder.
    """

    def choose(target: Path) -> Path:
        number, candidate = 1, target
        while _is_taken(candidate, found, patient_id):
            number += 1
            candidate = target.with_name(f"{target.name}~{number}")
        return candidate

    with replaced_folder(folder, choose, FOLLOW_UP_FILE) as staged:
        content = found.model_dump_json(indent=2) + "\n"
        (staged.part / FOLLOW_UP_FILE).write_text(content, encoding="utf-8")
        for name, data in files.items():
            (staged.part / name).write_bytes(data)
    return staged.folder


def _is_taken(folder: Path, found: FollowUp, patient_id: str | None) -> bool:
    """Whether a folder holds the comparison of others."""
    path = folder / FOLLOW_UP_FILE
    if not path.exists():
        return False
    try:
        earlier = FollowUp.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return True  # nobody can tell whose it is
    same = _is_same(earlier.prior, found.prior) and _is_same(earlier.current, found.current)
    return not (same and is_of_patient(folder, patient_id))


def _is_same(one: ScanOfPair, other: ScanOfPair) -> bool:
    if one.study_uid is not None or other.study_uid is not None:
        return one.study_uid == other.study_uid
    return one.source_sha256 is not None and one.source_sha256 == other.source_sha256
