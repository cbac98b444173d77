"""Which LIDC-IDRI patients' nodules may be used for what."""

from __future__ import annotations

import json
from enum import Enum
from functools import lru_cache
from pathlib import Path

POOLS_FILE = Path(__file__).resolve().parents[3] / "configs" / "lidc_pools.json"


class Pool(str, Enum):
    """The use a patient's nodules are kept for."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@lru_cache(maxsize=1)
def _listed() -> dict[str, Pool]:
    content = json.loads(POOLS_FILE.read_text(encoding="utf-8"))
    listed: dict[str, Pool] = {}
    for pool in (Pool.VALIDATION, Pool.TEST):
        for patient_id in content[pool.value]:
            if patient_id in listed:
                raise ValueError(f"{POOLS_FILE.name}: {patient_id} is listed twice")
            listed[patient_id] = pool
    return listed


def pool_of(patient_id: str) -> Pool:
    """The pool of a patient: as ``configs/lidc_pools.json`` lists it, else training.

    Args:
        patient_id: such as ``LIDC-IDRI-0001``.
    """
    return _listed().get(patient_id, Pool.TRAINING)
