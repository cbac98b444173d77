"""A DICOM object as the bytes of its file."""

from __future__ import annotations

import copy
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset


def encode_object(dataset: Dataset, patient_name: Any, *, deidentified: bool) -> bytes:
    """Give an object its patient's name, or none, and encode it as a DICOM file.

    Args:
        dataset: gets the name. Its other elements may be those of the source's headers, and
            stay as they are.
        patient_name: kept away from the libraries until now, for they warn of odd names.
        deidentified: whether the profile is applied (see :mod:`nodulus.app.results.deidentify`).
    """
    dataset.add_new("PatientName", "PN", patient_name)
    if deidentified:
        from nodulus.app.results.deidentify import deidentify

        dataset = copy.deepcopy(dataset)
        deidentify(dataset)
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
