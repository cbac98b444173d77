"""DICOM objects as the bytes of their files."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset


def encode_objects(
    objects: Mapping[str, Dataset], patient_name: Any, *, deidentified: bool
) -> dict[str, bytes]:
    """Give the objects their patient's name, or none, and encode them as DICOM files.

    Args:
        objects: by file name, all of one study; they are changed.
        patient_name: kept away from the libraries until now, for they warn of odd names.
        deidentified: whether the profile is applied (see :mod:`nodulus.app.results.deidentify`).
    """
    encoded = {}
    for dataset in objects.values():
        dataset.PatientName = patient_name
    if deidentified:
        from nodulus.app.results.deidentify import deidentify

        for dataset in objects.values():
            deidentify(dataset)
    for name, dataset in objects.items():
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        encoded[name] = stream.getvalue()
    return encoded
