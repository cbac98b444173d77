"""Decodes images and turns stored values into Hounsfield units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.map_files import map_files
from nodulus.app.reading.slice_header import SliceHeader
from nodulus.app.reading.unused_bits import stored_values
from nodulus.transforms.hounsfield import AIR_HU

THREADS = 4


class UnreadablePixelsError(Exception):
    """The pixels of one image do not decode."""

    def __init__(self, header: SliceHeader, why: str) -> None:
        self.header = header
        self.why = why
        super().__init__(why)


def missing_decoder(transfer_syntax_uid: str) -> str | None:
    """The name of a transfer syntax that nothing installed decodes, None where all is well."""
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    uid = UID(transfer_syntax_uid)
    try:
        return None if get_decoder(uid).is_available else str(uid.name)
    except NotImplementedError:
        return str(uid.name)


def decode(
    headers: Sequence[SliceHeader],
) -> Iterator[tuple[int, NDArray[Any] | UnreadablePixelsError]]:
    """Decode many images, a few at a time, in parallel.

    Args:
        headers: images; frames of one file should stand together.

    Yields:
        Index into ``headers`` and its stored values, shape (R, C), or why there are none.
    """
    images = [k for k, header in enumerate(headers) if header.frame is None]
    plain = [k for k in images if not _is_compressed(headers[k])]
    # Nothing is computed where nothing is compressed.
    yield from zip(plain, map_files(_decode_file, [headers[k] for k in plain]), strict=True)
    singles = [k for k in images if _is_compressed(headers[k])]
    with ThreadPoolExecutor(THREADS) as pool:
        # Chunks bound the memory: a pool's map would decode far ahead of who takes the images.
        for start in range(0, len(singles), 4 * THREADS):
            chunk = singles[start : start + 4 * THREADS]
            yield from zip(chunk, pool.map(_decode_file, [headers[k] for k in chunk]), strict=True)
    frames = [k for k, header in enumerate(headers) if header.frame is not None]
    for _, group in groupby(frames, key=lambda k: headers[k].path):
        yield from _decode_frames(headers, list(group))


def _is_compressed(header: SliceHeader) -> bool:
    from pydicom.uid import UID

    try:
        return bool(UID(header.transfer_syntax_uid).is_compressed)
    except ValueError:  # of nobody knows which kind
        return True


def _decode_file(header: SliceHeader) -> NDArray[Any] | UnreadablePixelsError:
    from pydicom import dcmread
    from pydicom.pixels import pixel_array
    from pydicom.uid import UID

    if header.not_decodable_for:
        # A decoder would take PixelRepresentation for something, and the values would be wrong.
        why = f"{header.not_decodable_for[0]} is missing or makes no sense"
        return UnreadablePixelsError(header, why)
    try:
        return _checked(
            header,
            pixel_array(
                header.path,
                transfer_syntax_uid=header.transfer_syntax_uid,
                decoding_plugin=_plugin(header),
                correct_unused_bits=False,
            ),
        )
    except Exception:  # the quick way takes the file meta information at its word
        try:
            dataset = dcmread(header.path, force=True)
            dataset.file_meta.TransferSyntaxUID = UID(header.transfer_syntax_uid)
            dataset.pixel_array_options(decoding_plugin=_plugin(header), correct_unused_bits=False)
            for keyword, value in _as_read(header).items():
                setattr(dataset, keyword, value)
            return _checked(header, dataset.pixel_array)
        except Exception as error:
            return UnreadablePixelsError(header, f"its pixels do not decode ({_brief(error)})")


def _plugin(header: SliceHeader) -> str:
    """Which of pydicom's plug-ins decodes; empty for any.

    GDCM ends the process on some damaged JPEG Lossless and JPEG 2000 data, and decodes the former
    in a plain process alone.
    """
    from pydicom.uid import JPEG2000TransferSyntaxes

    from nodulus.app.reading import jpeg_lossless

    if header.transfer_syntax_uid in jpeg_lossless.SYNTAXES and jpeg_lossless.IS_REGISTERED:
        return jpeg_lossless.PLUGIN
    return "pylibjpeg" if header.transfer_syntax_uid in JPEG2000TransferSyntaxes else ""


def _decode_frames(
    headers: Sequence[SliceHeader], indices: list[int]
) -> Iterator[tuple[int, NDArray[Any] | UnreadablePixelsError]]:
    from pydicom.pixels import iter_pixels

    done = 0
    try:
        arrays = iter_pixels(
            headers[indices[0]].path,
            indices=[n for k in indices if (n := headers[k].frame) is not None],
            transfer_syntax_uid=headers[indices[0]].transfer_syntax_uid,
            decoding_plugin=_plugin(headers[indices[0]]),
            correct_unused_bits=False,
        )
        for k, array in zip(indices, arrays, strict=False):
            yield k, _checked(headers[k], array)
            done += 1
        why = "its frames are not all there"
    except Exception as error:
        why = f"its pixels do not decode ({_brief(error)})"
    for k in indices[done:]:
        yield k, UnreadablePixelsError(headers[k], why)


def _checked(header: SliceHeader, array: NDArray[Any]) -> NDArray[Any]:
    if array.shape != (header.rows, header.columns):
        raise ValueError(f"decoded to {array.shape}")
    return array


def _as_read(header: SliceHeader) -> dict[str, int | str | None]:
    """The attributes that decoders need, as they were read: a file may have several values."""
    return {
        "Rows": header.rows,
        "Columns": header.columns,
        "SamplesPerPixel": header.samples_per_pixel,
        "BitsAllocated": header.bits_allocated,
        "BitsStored": header.bits_stored,
        "PixelRepresentation": int(header.is_signed),
        "PhotometricInterpretation": header.photometric,
    }


def _brief(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:120] if text else type(error).__name__


def hounsfield_type(headers: Sequence[SliceHeader]) -> type[np.int16] | type[np.float32]:
    """int16 where every slope and intercept is a whole number, else float32."""
    whole = all(
        float(header.slope or 0).is_integer() and float(header.intercept or 0).is_integer()
        for header in headers
    )
    return np.int16 if whole else np.float32


def padding_is_tissue(header: SliceHeader) -> bool:
    """Whether the padding values, taken as HU, lie among those of a body."""
    if header.padding is None:
        return False
    slope, intercept = header.slope or 1.0, header.intercept or 0.0
    ends = sorted(value * slope + intercept for value in header.padding)
    low, high = limits.TISSUE_HU
    return ends[1] > low and ends[0] < high


def is_outside_bits(raw: NDArray[Any], header: SliceHeader) -> bool:
    """Whether an image has values that BitsStored has no room for; they become -1024 HU."""
    return _stored(raw, header)[1] is not None


def _stored(
    raw: NDArray[Any], header: SliceHeader
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    bits = header.bits_stored or 8 * raw.dtype.itemsize
    high_bit = bits - 1 if header.high_bit is None else header.high_bit
    return stored_values(raw, bits, high_bit, is_signed=header.is_signed)


def apply_rescale(
    stored: NDArray[Any], header: SliceHeader, dtype: type[np.int16] | type[np.float32]
) -> NDArray[Any]:
    """Rescale one image by its own slope and intercept (DICOM PS3.3 C.11.1).

    Padding becomes -1024 HU; what is out of int16's range is clipped to it.

    Args:
        stored: shape (R, C), stored values.
        header: of that image.
        dtype: type of the result.

    Raises:
        NodulusError: there is no rescale.
    """
    if header.slope is None or header.intercept is None:
        raise NodulusError(
            ErrorCode.NOT_HOUNSFIELD,
            "The image has no RescaleSlope and RescaleIntercept.",
            remedy="Export the series unchanged.",
            subject=header.path,
        )
    stored, outside = _stored(stored, header)
    if dtype is np.int16:
        wide: NDArray[Any] = stored.astype(np.int32 if stored.dtype.itemsize <= 2 else np.int64)
        if header.slope != 1.0:
            wide *= int(header.slope)
        wide += int(header.intercept)
        hu = np.clip(wide, -32768, 32767, out=wide).astype(np.int16)
    else:
        hu = (stored.astype(np.float64) * header.slope + header.intercept).astype(np.float32)
    if header.padding is not None and not padding_is_tissue(header):
        low, high = header.padding
        hu[(stored >= low) & (stored <= high)] = AIR_HU
    if outside is not None:
        hu[outside] = AIR_HU
    return hu
