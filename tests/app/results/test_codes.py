"""The codes in DICOM objects are those of the standard."""

from __future__ import annotations

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from nodulus.app.results import codes

PRIVATE = {
    *("SUSPICIOUS", "SOLID_VOLUME", "SOLID_LONG_AXIS"),
    *("READER_DECISION", "CONFIRMED", "CHANGED", "ADDED", "REJECTED"),
    *("FOLLOW_UP_STATE", "NO_PROVEN_CHANGE", "NEW", "DROPPED_BEFORE", "DROPPED_NOW", "NOT_FOUND"),
    *("MERGED", "AMBIGUOUS_MATCH", "VOLUME_CHANGE", "MEAN_DIAMETER_CHANGE", "DOUBLING_TIME"),
    *("MAY_NOT_GROW", "LOW_ATTENUATION_SHARE", "CALCIFICATION", "FAT_SHARE", "CAVITY_VOLUME"),
    *("PLEURA_DISTANCE", "JUXTAPLEURAL"),
    *("REJECTION_REASON", "ATELECTASIS", "INFECTION", "MOTION", "OTHER", "MALIGNANCY_RATING"),
}
"""Concepts for which the standard has no code."""


def meanings(code: Code) -> set[str]:
    found = set()
    for entries in concepts[code.scheme_designator].values():
        if code.value in entries:
            found.add(entries[code.value][0].lower())
    return found


@pytest.mark.parametrize(
    "name", [name for name, value in vars(codes).items() if isinstance(value, Code)]
)
def test_code_stands_in_the_standard(name: str) -> None:
    code = getattr(codes, name)
    if name in PRIVATE:
        assert code.scheme_designator == codes.PRIVATE_SCHEME
    elif name in {"TEXTURE", "SOLID_COMPONENT"}:  # of vocabularies that pydicom does not package
        assert code.scheme_designator in {"NCIt", "RADLEX"}
    elif code.scheme_designator == "RADELEMENT":  # radelement.org/home/sets/set/RDES195
        assert code.value in {"RDE1302", "RDE1303"}
    elif name == "CT_CHEST":
        assert meanings(code) == {"ct chest report"}
    else:
        assert code.meaning.lower() in meanings(code)
