"""Which coded concepts say that something is a nodule."""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

_NODULE_TYPES = (
    codes.SCT.Nodule,
    codes.SCT.Mass,
    codes.SCT.Lesion,
    codes.SCT.Neoplasm,
    codes.SCT.NeoplasmPrimary,
    codes.SCT.NeoplasmSecondary,
)


def is_nodule_code(concept: Code) -> bool:
    """Whether a concept is a nodule, mass, lesion or neoplasm.

    Args:
        concept: of SNOMED CT, or of its older scheme SRT, which compares equal.
    """
    return any(code == concept for code in _NODULE_TYPES)
