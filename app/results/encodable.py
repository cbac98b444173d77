"""What must hold before a result can be written as text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import PydanticSerializationError

from nodulus.app.result import StudyResult

if TYPE_CHECKING:
    from nodulus.app.volume import CtVolume


def encodable(result: StudyResult) -> StudyResult:
    """Give a result whose texts are Unicode, so that every file can hold them.

    A file name that is not UTF-8 comes into Python with lone surrogates (PEP 383), which no
    encoding takes; they are escaped as in Python's own source text.
    """
    try:
        result.model_dump_json()
    except PydanticSerializationError:
        return StudyResult.model_validate(_escaped(result.model_dump()))
    return result


def encodable_text(text: str) -> str:
    """Give a text without lone surrogates; they are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def source_sha256(volume: CtVolume) -> str:
    """Give a checksum of a volume's voxels and their place: what tells a file's study."""
    digest = hashlib.sha256(volume.geometry.affine_lps.astype(np.float64).tobytes())
    digest.update(str((volume.hu.shape, volume.hu.dtype.str)).encode())
    for plane in volume.hu:
        digest.update(plane.tobytes())
    return digest.hexdigest()


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return encodable_text(value)
    if isinstance(value, dict):
        return {_escaped(key): _escaped(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_escaped(one) for one in value)
    return value
