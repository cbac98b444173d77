"""The images behind a volume, as masks are laid on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.volume import CtVolume


def source_slices(volume: CtVolume) -> SourceSlices:
    """Describe the images that a volume was put together from.

    Args:
        volume: read from DICOM.

    Raises:
        NodulusError: the volume does not come from DICOM, so that nothing refers to its images.
    """
    if not volume.source_images:
        raise NodulusError(
            ErrorCode.INVALID_ATTRIBUTE,
            "The CT is no DICOM series; DICOM masks refer to one.",
            remedy="Give the CT as DICOM, or its masks as NIfTI.",
            subject=volume.series_uid,
        )
    import pydicom

    first = volume.source_images[0]
    header: Any = pydicom.dcmread(
        first.path,
        stop_before_pixels=True,
        specific_tags=["FrameOfReferenceUID", "Rows", "Columns"],
    )
    return _slices(
        volume,
        np.array([image.position_lps_mm for image in volume.source_images]),
        (int(header.Rows), int(header.Columns)),
        str(header.get("FrameOfReferenceUID") or "") or None,
    )


def slices_of(volume: CtVolume) -> SourceSlices:
    """Describe the slices of a volume's own grid as images.

    Args:
        volume: of any format; its slices stand upright on each other.
    """
    count, rows, columns = volume.geometry.shape_irc
    index = np.column_stack([np.arange(count), np.zeros((count, 2))])
    return _slices(volume, volume.geometry.index_to_lps(index), (rows, columns), None)


def _slices(
    volume: CtVolume,
    positions_lps_mm: NDArray[np.float64],
    shape_rc: tuple[int, int],
    frame_of_reference_uid: str | None,
) -> SourceSlices:
    direction = volume.geometry.direction_irc
    _, between_rows, between_columns = volume.geometry.spacing_irc_mm
    return SourceSlices(
        series_uid=volume.series_uid,
        frame_of_reference_uid=frame_of_reference_uid,
        positions_lps_mm=positions_lps_mm,
        row=direction[:, 2],
        column=direction[:, 1],
        spacing_rc_mm=(between_rows, between_columns),
        shape_rc=shape_rc,
        sop_instance_uids=tuple(image.sop_instance_uid for image in volume.source_images),
    )
