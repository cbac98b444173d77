"""What DICOM input looks like in the wild, made from one plain CT series.

``VARIANTS`` maps a name to a function that writes that variant of a ``Source`` to a folder;
docs/input.md says for each of them what is expected.
"""

from __future__ import annotations

from tests.input_matrix import (
    acquisitions,
    attributes,
    bombs,
    files,
    geometry,
    matrices,
    mixtures,
    slices,
    syntaxes,
    values,
)
from tests.input_matrix.registry import VARIANTS
from tests.input_matrix.source import Source

__all__ = [
    "VARIANTS",
    "Source",
    "acquisitions",
    "attributes",
    "bombs",
    "files",
    "geometry",
    "matrices",
    "mixtures",
    "slices",
    "syntaxes",
    "values",
]
