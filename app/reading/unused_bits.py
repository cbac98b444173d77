"""Stored values that do not keep to BitsStored and HighBit (PS3.5 8.1.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def stored_values(
    raw: NDArray[Any], bits_stored: int, high_bit: int, *, is_signed: bool
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Take the stored values out of the words of an image.

    Three things are found in files beside what the standard has:

    - Values that stand at the top of their words, as HighBit says. They are moved down where the
      bits below them are all 0; else HighBit is what is wrong.
    - Something else in the bits above, such as an overlay: it is masked.
    - Values outside of the range of BitsStored, such as -3024 outside a field of view in 12 bits:
      the bits above are then all 1, in no pixel anything else, and masked they would become tissue.

    Args:
        raw: shape (R, C), the words as they are, of the type of the pixels.
        bits_stored: BitsStored.
        high_bit: HighBit.
        is_signed: PixelRepresentation.

    Returns:
        Stored values, and where they are outside of their range (None: nowhere).
    """
    allocated = 8 * raw.dtype.itemsize
    if not 0 < bits_stored < allocated or raw.dtype.kind not in "iu":
        return raw, None
    low, high = (-(1 << bits_stored - 1), (1 << bits_stored - 1) - 1)
    if not is_signed:
        low, high = 0, (1 << bits_stored) - 1
    if high_bit == bits_stored - 1 and raw.min() >= low and raw.max() <= high:
        return raw, None
    words = np.ascontiguousarray(raw).view(f"u{raw.dtype.itemsize}")
    below = high_bit + 1 - bits_stored
    if below > 0 and high_bit < allocated and not np.any(words & ((1 << below) - 1)):
        words = words >> below
    above = words >> bits_stored
    outside = _negative_beyond(words, above, bits_stored, allocated, is_signed=is_signed)
    shift = allocated - bits_stored
    values = (words << shift).view(raw.dtype) >> shift
    return values, outside


def _negative_beyond(
    words: NDArray[Any],
    above: NDArray[Any],
    bits_stored: int,
    allocated: int,
    *,
    is_signed: bool,
) -> NDArray[np.bool_] | None:
    """Where the bits above are all 1 though the value is not a negative one of its range."""
    ones = (1 << (allocated - bits_stored)) - 1
    if np.any((above != 0) & (above != ones)):
        return None
    sign = (words >> (bits_stored - 1)) & 1
    outside = (above == ones) & (sign == 0) if is_signed else above == ones
    return np.asarray(outside) if outside.any() else None
