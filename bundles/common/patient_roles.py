"""What each public patient may be used for: one list over all sources and all three bundles."""

from __future__ import annotations

import json
import re
from enum import Enum
from functools import lru_cache
from pathlib import Path

ROLES_FILE = Path(__file__).resolve().parents[2] / "configs" / "patients.json"

_LIDC = re.compile(r"LIDC-IDRI-\d{4}")


class Role(str, Enum):
    """What a patient may be used for."""

    TRAINING = "training"
    VALIDATION = "validation"
    RESERVED = "reserved"


@lru_cache(maxsize=1)
def listed_roles() -> dict[str, Role]:
    """Every patient that ``configs/patients.json`` names, with the role.

    Raises:
        ValueError: a patient has two roles; names the file and the patient.
    """
    content = json.loads(ROLES_FILE.read_text(encoding="utf-8"))
    listed: dict[str, Role] = {}
    for role in Role:
        for patient_id in content[role.value]:
            if patient_id in listed:
                raise ValueError(f"{ROLES_FILE.name}: {patient_id} is listed twice")
            listed[patient_id] = role
    return listed


def role_of(patient_id: str) -> Role | None:
    """The role of a patient; None for one of whom nothing is settled, such as a user's own.

    Args:
        patient_id: such as ``LIDC-IDRI-0001``. LIDC-IDRI's patients that are not listed are
            training.
    """
    listed = listed_roles().get(patient_id)
    if listed is None and _LIDC.fullmatch(patient_id):
        return Role.TRAINING
    return listed
