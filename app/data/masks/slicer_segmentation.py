"""Reads a segmentation of 3D Slicer (``.seg.nrrd``).

The fields are those of Slicer's documentation (developer guide, Segmentations, 'Segmentation file
format'). Segments that overlap lie in layers, which are the values of one voxel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.coding import Code

from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.data.masks.nodule_codes import is_nodule_code
from nodulus.app.data.masks.seg_reader import SegFrame, masks_of
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.data.masks.structures import Structure, StructureMask, choose_structures
from nodulus.transforms.geometry import Geometry

SLICER_SUFFIX = ".seg.nrrd"
_TERMINOLOGY = "TerminologyEntry:"
_TYPE_PART = 2
"""Of a terminology entry: context, category, type, modifier, anatomic context, region, modifier."""


@dataclass(frozen=True, eq=False)
class SlicerSegmentation:
    """The segments of a file.

    Args:
        structures: numbered from 1 in the order of the file.
        grid: where the voxels lie.
        layers: shape (layers, I, R, C).
        places: layer and value of each structure, by its number.
    """

    structures: tuple[Structure, ...]
    grid: Geometry
    layers: NDArray[Any]
    places: dict[int, tuple[int, int]]

    def mask(self, number: int) -> NDArray[np.bool_]:
        """The voxels of a structure, shape (I, R, C)."""
        layer, value = self.places[number]
        return np.asarray(self.layers[layer] == value)


def scan_name(path: Path) -> str | None:
    """The name of the scan that a file is of by its own name; None if it is no ``.seg.nrrd``."""
    name = path.name
    return name[: -len(SLICER_SUFFIX)] if name.lower().endswith(SLICER_SUFFIX) else None


def open_slicer_segmentation(path: Path) -> SlicerSegmentation:
    """Open a ``.seg.nrrd``.

    Raises:
        MaskError: it cannot be read, or names no segment.
    """
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        fields = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        image = reader.Execute()
        grid = Geometry.from_itk(
            image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
        )
    except (RuntimeError, ValueError) as error:
        lines = str(error).strip().splitlines()
        raise _unreadable(path, f"it cannot be read ({lines[-1] if lines else error})") from error
    values = sitk.GetArrayFromImage(image)
    layers = np.moveaxis(values, -1, 0) if values.ndim == 4 else values[np.newaxis]
    structures, places = [], {}
    for number, segment in enumerate(_segments(fields), start=1):
        try:
            place = int(segment.get("Layer", "0")), int(segment["LabelValue"])
        except (KeyError, ValueError) as error:
            raise _unreadable(path, f"segment {number} has no label value or layer") from error
        if not 0 <= place[0] < len(layers):
            raise _unreadable(path, f"segment {number} is in layer {place[0]} of {len(layers)}")
        structures.append(_structure(number, segment))
        places[number] = place
    if not structures:
        raise _unreadable(path, "its header names no segment")
    return SlicerSegmentation(tuple(structures), grid, layers, places)


def read_slicer_segmentation(
    path: Path, source: SourceSlices, patterns: Sequence[str] = ()
) -> list[StructureMask]:
    """Read the segments that are nodules onto the images of a series.

    Args:
        path: the file.
        source: the images that were segmented; a segmentation cropped to its segments fits too.
        patterns: names of the wanted segments (see :func:`structures.choose_structures`).

    Returns:
        One mask a segment, those without a voxel left out.

    Raises:
        MaskError: it cannot be read, lies on another grid than the images, or none of its
            segments is wanted.
    """
    found = open_slicer_segmentation(path)
    chosen = choose_structures(found.structures, patterns, path)
    frames = [frame for structure in chosen for frame in _frames(found, structure.number)]
    return masks_of(chosen, frames, source, path)


def _frames(found: SlicerSegmentation, number: int) -> Iterator[SegFrame]:
    """The slices of a segment that have a voxel."""
    mask, axes = found.mask(number), found.grid.affine_lps[:3, :3]
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        origin = found.grid.index_to_lps((int(k), 0, 0))
        yield SegFrame(number, origin, axes[:, 1], axes[:, 2], mask[k])


def _segments(fields: dict[str, str]) -> Iterator[dict[str, str]]:
    """The fields of each segment, without ``Segment<n>_``, in the order of their numbers."""
    number = 0
    while f"Segment{number}_ID" in fields:
        start = f"Segment{number}_"
        yield {key[len(start) :]: text for key, text in fields.items() if key.startswith(start)}
        number += 1


def _structure(number: int, segment: dict[str, str]) -> Structure:
    kind = _type_of(segment.get("Tags", ""))
    return Structure(
        number=number,
        name=segment.get("Name", segment["ID"]),
        kind="" if kind is None else kind.meaning,
        is_nodule=(kind is not None and is_nodule_code(kind)) or None,
    )


def _type_of(tags: str) -> Code | None:
    """The property type of a segment's terminology entry, None where there is none."""
    entry = next((tag for tag in tags.split("|") if tag.startswith(_TERMINOLOGY)), "")
    parts = entry.removeprefix(_TERMINOLOGY).split("~")
    code = parts[_TYPE_PART].split("^") if len(parts) > _TYPE_PART else []
    if len(code) != 3 or not code[1]:
        return None
    scheme, value, meaning = code
    return Code(value, scheme, meaning)


def _unreadable(path: Path, message: str) -> MaskError:
    return MaskError(MaskProblem.NOT_READABLE, path, message)
