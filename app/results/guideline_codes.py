"""Guidelines' categories and risk models as coded concepts of the structured report.

The DICOM standard has no codes for them; these are private ones of Nodulus (``99NODULUS``), whose
values are at most 16 characters and whose meanings at most 64 (PS3.3 8.3, PS3.5 6.2).
"""

from __future__ import annotations

import hashlib
import re

from pydicom.sr.coding import Code

from nodulus.app.guidance import AdviceRecord
from nodulus.app.results.codes import PRIVATE_SCHEME

_VALUE_LENGTH, _MEANING_LENGTH = 16, 64
_GUIDELINES = {
    "Lung-RADS v2022": "lung-rads-2022",
    "NELSON": "nelson",
    "Fleischner 2017": "fleischner-2017",
    "BTS 2015": "bts-2015",
}
NEEDS_READER = Code("needs-reader", PRIVATE_SCHEME, "Not settled by what is known: needs a reader")
NOT_APPLICABLE = Code("not-applicable", PRIVATE_SCHEME, "The guideline is not for this patient")


def guideline_code(guideline: str) -> Code:
    """Give the concept name for a guideline's category."""
    return Code(_GUIDELINES[guideline], PRIVATE_SCHEME, f"Category by {guideline}")


def category_code(advice: AdviceRecord) -> Code:
    """Give the value: the category where it is certain, else that a reader is needed."""
    if advice.not_applicable is not None:
        return NOT_APPLICABLE
    if advice.ruling is None or advice.needs_reader:
        return NEEDS_READER
    category = advice.ruling.category
    return Code(_value(category), PRIVATE_SCHEME, category[:_MEANING_LENGTH])


def risk_code(model: str) -> Code:
    """Give the concept name for a risk model's probability, such as of ``Brock 2b``."""
    return Code(_value(model), PRIVATE_SCHEME, f"Probability of cancer by {model}")


def _value(text: str) -> str:
    """A code value for a text; one that is too long ends in a checksum, so that none are alike."""
    slug = re.sub(r"[^0-9a-z]+", "-", text.lower()).strip("-")
    if len(slug) <= _VALUE_LENGTH:
        return slug
    checksum = hashlib.sha256(text.encode()).hexdigest()[:5]
    return f"{slug[: _VALUE_LENGTH - 6]}-{checksum}"
