"""Reads one given DICOM series for training, whatever the rules of choosing would say of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.dicom_file import read_headers
from nodulus.app.reading.message_words import count
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.reading.slice_plan import SlicePlan, plan_slices
from nodulus.app.reading.stacks import split_series
from nodulus.app.volume import SeriesFacts, VolumeWarning
from nodulus.bundles.common.patient_tokens import load_key, token


def series_facts(file: Path) -> dict[str, str | float | int]:
    """How a series was made, by one of its files; no patient identity."""
    try:
        headers = read_headers(file)
    except NodulusError:
        return {}
    facts = headers[0].facts if headers else SeriesFacts()
    named = {
        "manufacturer": facts.manufacturer,
        "model_name": facts.model_name,
        "kernel": facts.convolution_kernel,
        "slice_thickness_mm": facts.slice_thickness_mm,
        "kvp": facts.kvp,
    }
    return {name: value for name, value in named.items() if value is not None}


def patient_token(file: Path) -> str | None:
    """The patient of a series by a name that identifies nobody; None where the file names none.

    Raises:
        NodulusError: the key to the names cannot be kept.
    """
    import pydicom

    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["PatientID"])
        patient_id = str(header.get("PatientID") or "").strip()
    except Exception:  # a damaged file breaks pydicom in many ways
        return None
    return named_patient(patient_id) if patient_id else None


def named_patient(patient_id: str) -> str:
    """A patient ID as a name that identifies nobody.

    Raises:
        NodulusError: the key to the names cannot be kept.
    """
    try:
        return token(patient_id, load_key())
    except ValueError as error:
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"{error}.",
            remedy="The key turns patient IDs into names that identify nobody.",
        ) from error


def plan_series(files: Sequence[Path]) -> tuple[SlicePlan, tuple[VolumeWarning, ...]]:
    """Plan the volume of one series; the largest of its parts where it has several.

    Args:
        files: its files.

    Returns:
        The plan, and what was left out beforehand.

    Raises:
        NodulusError: no file can be read, or the images make no volume.
    """
    read = [_try_headers(file) for file in files]
    headers = [header for item in read if not isinstance(item, NodulusError) for header in item]
    broken = [item for item in read if isinstance(item, NodulusError)]
    if not headers:
        if broken:
            raise broken[0]
        raise NodulusError(ErrorCode.NO_IMAGES, "There are no images.", remedy="Check the folder.")
    largest, *others = split_series(headers)
    notes = [
        VolumeWarning(
            "part-of-series-left-out",
            f"{count(len(other.headers), 'image')} of the series left out: they lie on another "
            "grid or were made in another way than most.",
        )
        for other in others
    ]
    if broken:
        names = f"{count(len(broken), 'file')} of the series cannot be read: {broken[0].message}"
        notes.append(VolumeWarning("damaged-files-left-out", names))
    return plan_slices(largest.headers), tuple(notes)


def _try_headers(file: Path) -> list[SliceHeader] | NodulusError:
    try:
        return read_headers(file)
    except NodulusError as error:
        return error
