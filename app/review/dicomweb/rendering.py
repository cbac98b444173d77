"""Frames of instances, as bytes and as pictures."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, pixel_array

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.dicomweb.instances import Instance


def frame_bytes(instance: Instance, frame: int) -> bytes:
    """Give a frame as stored values, decoded, little endian; single bits packed.

    Args:
        instance: with pixel data.
        frame: from 1 on.

    Raises:
        NodulusError: ``input-not-readable``.
    """
    values = _values(instance, frame)
    if int(instance.header.get("BitsAllocated", 0)) == 1:
        return np.packbits(values.ravel(), bitorder="little").tobytes()
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()


def encode_frame(
    instance: Instance,
    frame: int,
    kind: str,
    window: str | None,
    largest_side: int | None = None,
) -> bytes:
    """Give a frame as a picture.

    Args:
        instance: with pixel data.
        frame: from 1 on.
        kind: image/png or image/jpeg.
        window: CENTRE,WIDTH[,FUNCTION] in Hounsfield units; None for the header's own, or all.
        largest_side: pixels that the picture has at most a side; None for all of them.

    Raises:
        NodulusError: ``input-not-readable``, ``request-refused``.
    """
    values = _values(instance, frame)
    if values.ndim == 3:  # samples of colour
        grey = np.asarray(values, np.uint8)
    else:
        hu = np.asarray(apply_modality_lut(values, instance.header), np.float32)
        center, width = _window(instance, window, hu)
        low = center - 0.5 - (width - 1) / 2  # PS3.3 C.11.2.1.2.1
        grey = np.clip((hu - low) / max(width - 1, 1e-6) * 255, 0, 255).astype(np.uint8)
        if instance.header.get("PhotometricInterpretation") == "MONOCHROME1":
            grey = 255 - grey
    picture, out = Image.fromarray(grey), io.BytesIO()
    if largest_side is not None:
        picture.thumbnail((largest_side, largest_side))
    picture.save(out, "PNG" if kind == "image/png" else "JPEG", quality=90)
    return out.getvalue()


def _values(instance: Instance, frame: int) -> NDArray[Any]:
    try:
        return np.asarray(pixel_array(dcmread(instance.path), index=frame - 1, raw=False))
    except Exception as error:  # decoders fail in many ways
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            "The instance has no pixels that can be read.",
            remedy="Ask for the instance as a file.",
        ) from error


def _window(instance: Instance, given: str | None, hu: NDArray[np.float32]) -> tuple[float, float]:
    header = instance.header
    if given is not None:
        try:
            center, width = (float(part) for part in given.split(",")[:2])
        except ValueError:
            center, width = 0.0, 0.0
        if not (abs(center) <= 1e6 and 1 <= width <= 1e6):
            raise NodulusError(
                ErrorCode.REQUEST_REFUSED,
                "There is no such window.",
                remedy="Use CENTRE,WIDTH in Hounsfield units.",
            )
        return center, width
    if header.get("WindowCenter") is not None and header.get("WindowWidth") is not None:
        first = [
            np.atleast_1d(np.asarray(header.get(name), float))[0]
            for name in ("WindowCenter", "WindowWidth")
        ]
        return float(first[0]), max(1.0, float(first[1]))
    low, high = float(hu.min()), float(hu.max())
    return (low + high + 1) / 2, max(1.0, high - low + 1)
