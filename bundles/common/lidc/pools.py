"""Which LIDC-IDRI patients' nodules may be used for what."""

from __future__ import annotations

from enum import Enum

from nodulus.bundles.common.patient_roles import Role, role_of


class Pool(str, Enum):
    """The use a patient's nodules are kept for."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


_POOLS = {
    Role.TRAINING: Pool.TRAINING,
    Role.VALIDATION: Pool.VALIDATION,
    Role.RESERVED: Pool.TEST,
    None: Pool.TRAINING,
}


def pool_of(patient_id: str) -> Pool:
    """The pool of a patient by the role that ``configs/patients.json`` gives.

    Reserved patients' nodules are for tests, those of patients without a role for training.

    Args:
        patient_id: such as ``LIDC-IDRI-0001``.
    """
    return _POOLS[role_of(patient_id)]
