"""Reads NIfTI, MetaImage (mhd, mha) and NRRD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.files import stem
from nodulus.app.reading.hounsfield_check import check_hounsfield
from nodulus.app.reading.mhd import read_mhd_header
from nodulus.app.volume import CtVolume, SeriesFacts, SourceFormat, VolumeWarning
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.hounsfield import compact_hounsfield

_LOOKED_AT = 8
"""Slices of a file that tell whether it is CT."""
_HIGHEST_LABEL = 255
_HEADER_BYTES = 65536
_SIDES_UNKNOWN = (
    "millimetre positions are those of its own axes, and left and right cannot be relied on."
)
_ORIENTATION_KEYS: dict[SourceFormat, tuple[tuple[bytes, ...], ...]] = {
    "mhd": ((b"transformmatrix",), (b"rotation",), (b"orientation",)),
    "nrrd": ((b"space", b"space directions"),),
    "nifti": (),
}
_UNITS_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}


def source_format(path: Path) -> SourceFormat:
    """Which of the formats a name belongs to."""
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return "nifti"
    return "nrrd" if name.endswith((".nrrd", ".nhdr")) else "mhd"


def is_label_image(path: Path) -> bool:
    """Whether a file holds labels or probabilities instead of CT. False if it does not open.

    So are 8-bit values, and values that are nowhere negative and nowhere above 255, of whatever
    type: every CT in Hounsfield units shows air.
    """
    try:
        if source_format(path) == "nifti":
            image = _nifti(path)
            if np.dtype(image.get_data_dtype()).itemsize == 1:
                return True
            _check_shape(image.shape, path)
            values = np.asanyarray(image.dataobj[..., :: max(1, image.shape[2] // _LOOKED_AT)])
        else:
            reader, kind = _itk_reader(path)
            if "8-bit" in kind:
                return True
            _check_shape(tuple(reader.GetSize()), path)
            values = _read_itk(path)[0]
        return bool(np.min(values) >= 0 and np.max(values) <= _HIGHEST_LABEL)
    except Exception:  # what is wrong with it is said when it is read
        return False


def read_research(path: Path) -> CtVolume:
    """Read one volume with its geometry, in any orientation; axes are those of the file.

    Args:
        path: the header file (``.mhd``, ``.nhdr``) or the only one.

    Raises:
        NodulusError: it cannot be read, is not three-dimensional, or is not in HU.
    """
    kind = source_format(path)
    values, geometry, warnings = read_values(path)
    hu = _as_hounsfield(values, warnings)
    del values
    check_hounsfield(hu, path)
    return CtVolume(
        hu=hu,
        geometry=geometry,
        series_uid=stem(path),
        study_uid=None,
        source_format=kind,
        warnings=tuple(warnings),
        facts=SeriesFacts(),
    )


def read_values(path: Path) -> tuple[NDArray[Any], Geometry, list[VolumeWarning]]:
    """Read the values of one volume, whatever they are, with their place.

    Args:
        path: the header file (``.mhd``, ``.nhdr``) or the only one.

    Returns:
        The values, axes (I, R, C) of the geometry; the geometry; and what was missing from it.

    Raises:
        NodulusError: it cannot be read, or is not three-dimensional.
    """
    kind = source_format(path)
    warnings: list[VolumeWarning] = []
    if kind == "nifti":
        values, geometry = _read_nifti(path, warnings)
    else:
        values, geometry = _read_itk(path)
        warnings += _orientation_warnings(path, kind)
    return values, geometry, warnings


def _orientation_warnings(path: Path, kind: SourceFormat) -> list[VolumeWarning]:
    """Say so where a MetaImage or NRRD header leaves the directions out; the library fills in."""
    keys = _ORIENTATION_KEYS[kind]
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError:
        return []
    fields = {
        line.partition(b"=" if kind == "mhd" else b":")[0].strip().lower()
        for line in head.split(b"\n")
    }
    if any(set(wanted) <= fields for wanted in keys):
        return []
    return [
        VolumeWarning(
            "no-orientation",
            f"The file does not say where it lies in the patient (no "
            f"{' or '.join(' and '.join(k.decode() for k in wanted) for wanted in keys)}); "
            f"{_SIDES_UNKNOWN}",
        )
    ]


def _read_itk(path: Path) -> tuple[NDArray[Any], Geometry]:
    import SimpleITK as sitk  # noqa: N813

    reader, _ = _itk_reader(path)
    size = reader.GetSize()
    _check_shape(tuple(size), path)
    if reader.GetNumberOfComponents() != 1:
        raise _refused(path, f"It has {reader.GetNumberOfComponents()} values a voxel, CT has one.")
    _check_data_file(path)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise _unreadable(path, ErrorCode.TRUNCATED_FILE, error) from error
    if image.GetDimension() == 4:
        image = image[:, :, :, 0]
    geometry = Geometry.from_itk(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
    return sitk.GetArrayFromImage(image), geometry


def _check_data_file(path: Path) -> None:
    """Make sure that the data of a MetaImage are all there; the library does not."""
    if path.suffix.lower() not in (".mhd", ".mha"):
        return
    try:
        header = read_mhd_header(path)
    except (OSError, ValueError):
        return  # several data files: the library reads or refuses them
    try:
        header.check_size()
        header.check_content()
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            f"{error}.",
            remedy="Put the data file beside its header, under the name that stands there.",
            subject=path,
        ) from error
    except (OSError, ValueError) as error:
        raise NodulusError(
            ErrorCode.TRUNCATED_FILE,
            f"{error}.",
            remedy="Copy the file again from its source.",
            subject=path,
        ) from error
    if header.is_compressed and header.data == path and not header.states_length:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            "The header does not say how long its compressed data are (CompressedDataSize), and "
            "without that they cannot be read.",
            remedy="Write the file again without compression, or with a header of its own (.mhd).",
            subject=path,
        )


def _itk_reader(path: Path) -> tuple[Any, str]:
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _unreadable(path, ErrorCode.INPUT_NOT_READABLE, error) from error
    return reader, str(sitk.GetPixelIDValueAsString(reader.GetPixelID()))


def _nifti(path: Path) -> Any:
    import nibabel

    try:
        return nibabel.load(path)
    except Exception as error:  # nibabel raises its own kinds, zlib's and OSError
        raise _unreadable(path, ErrorCode.INPUT_NOT_READABLE, error) from error


def _read_nifti(path: Path, warnings: list[VolumeWarning]) -> tuple[NDArray[Any], Geometry]:
    image = _nifti(path)
    _check_shape(image.shape, path)
    if image.get_data_dtype().fields is not None or image.get_data_dtype().kind == "c":
        raise _refused(path, "Its voxels are colours or complex numbers.")
    header = image.header
    if int(header.get("qform_code", 1)) == 0 and int(header.get("sform_code", 1)) == 0:
        warnings.append(
            VolumeWarning(
                "no-orientation",
                "The file does not say where it lies in the patient (qform and sform codes are "
                f"0); {_SIDES_UNKNOWN}",
            )
        )
    try:
        values = np.asanyarray(image.dataobj.get_unscaled())
    except Exception as error:  # as above
        raise _unreadable(path, ErrorCode.TRUNCATED_FILE, error) from error
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    if (slope, intercept) != (1.0, 0.0):
        values = values.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    values = values.reshape(values.shape[:3])
    scale = _UNITS_MM.get(header.get_xyzt_units()[0], 1.0)
    kji_to_lps = LPS_TO_RAS @ np.diag([scale, scale, scale, 1.0]) @ image.affine
    affine = np.eye(4)
    affine[:3, :3] = kji_to_lps[:3, 2::-1]
    affine[:3, 3] = kji_to_lps[:3, 3]
    try:
        slices, rows, columns = values.shape[::-1]
        geometry = Geometry((slices, rows, columns), affine)
    except ValueError as error:
        raise _unreadable(path, ErrorCode.INVALID_ATTRIBUTE, error) from error
    return np.ascontiguousarray(values.transpose(2, 1, 0)), geometry


def _as_hounsfield(values: NDArray[Any], warnings: list[VolumeWarning]) -> NDArray[Any]:
    hu, bad = compact_hounsfield(values)
    if bad:
        warnings.append(
            VolumeWarning("not-a-number", f"{bad:,} voxels are not numbers and were taken for air.")
        )
    return hu


def _check_shape(size: tuple[int, ...], path: Path) -> None:
    spatial = size[:3]
    if len(size) < 3 or any(extra != 1 for extra in size[3:]) or min(spatial) < 2:
        raise _refused(path, f"It has the shape {' x '.join(map(str, size))}, not one 3D volume.")
    if float(np.prod([float(n) for n in spatial])) > limits.MAX_VOXELS:
        raise _refused(
            path, f"Its {' x '.join(map(str, spatial))} voxels are over {limits.MAX_VOXELS:,}."
        )


def _refused(path: Path, message: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INVALID_ATTRIBUTE,
        message,
        remedy="Give one CT volume in Hounsfield units.",
        subject=path,
    )


def _unreadable(path: Path, code: ErrorCode, error: Exception) -> NodulusError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return NodulusError(
        code,
        f"The file cannot be read ({lines[-1][:160] if lines else type(error).__name__}).",
        remedy="Check that the file, and the data file that it names, are whole.",
        subject=path,
    )
