"""The images behind a volume, as masks are laid on them."""

from __future__ import annotations

from typing import Any

import numpy as np

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
    direction = volume.geometry.direction_irc
    _, between_rows, between_columns = volume.geometry.spacing_irc_mm
    return SourceSlices(
        series_uid=volume.series_uid,
        frame_of_reference_uid=str(header.get("FrameOfReferenceUID") or "") or None,
        positions_lps_mm=np.array([image.position_lps_mm for image in volume.source_images]),
        row=direction[:, 2],
        column=direction[:, 1],
        spacing_rc_mm=(between_rows, between_columns),
        shape_rc=(int(header.Rows), int(header.Columns)),
    )
