"""Patients that are reserved for tests are not learnt from, nor are shapes of their nodules."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from enum import Enum

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.patient_roles import ROLES_FILE, Role, role_of

logger = logging.getLogger(__name__)


class ReservedPatients(str, Enum):
    """What to do about reserved patients on the training side."""

    REFUSE = "refuse"
    REPORT = "report"


def check_reserved(
    training: Sequence[Study], reserved: ReservedPatients | str = ReservedPatients.REFUSE
) -> None:
    """Refuse to learn from patients that are reserved for tests, or from shapes of their nodules.

    Args:
        training: studies to learn from.
        reserved: what to do.

    Raises:
        ValueError: there are some; says how many, and how to go on.
    """
    found = sum(role_of(patient) is Role.RESERVED for patient in people_in(training))
    if not found:
        return
    message = f"{found} patients of the training side are reserved for tests ({ROLES_FILE.name})"
    if ReservedPatients(reserved) is ReservedPatients.REFUSE:
        raise ValueError(
            f"{message}. Move them to the test side of the split; or, for weights that are never "
            "compared on them, set reserved_patients to 'report'"
        )
    logger.warning(message)


def people_in(studies: Sequence[Study]) -> set[str]:
    """The patients, those whose nodules phantoms show, and those they were inserted into."""
    backgrounds = {s.background for s in studies if s.background}
    return {s.patient_id for s in studies} | backgrounds | lidc_patients_in(studies)


def lidc_patients_in(studies: Iterable[Study]) -> set[str]:
    """The LIDC-IDRI patients whose nodules phantoms among the studies show."""
    return {n.lidc_patient for s in studies for n in s.nodules if n.lidc_patient}
