"""Reads NumPy archives of training data, with errors that a user can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError


def read_archive(
    path: Path, what: str, dimensions: Mapping[str, int], optional: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """Read arrays that all have one entry an example.

    Args:
        path: the archive.
        what: it should hold, for messages.
        dimensions: of each array that must be there.
        optional: arrays that may be there.

    Raises:
        NodulusError: it cannot be read, or an array is missing or of another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [name for name in (*dimensions, *optional) if name in archive.files]
            arrays = {name: archive[name] for name in names}
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            "There is no such file.",
            remedy="Check the path.",
            subject=path,
        ) from error
    except Exception as error:  # zip, zlib, lzma and NumPy each have their own
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"It is no NumPy archive that can be read ({type(error).__name__}).",
            remedy="Write it with numpy.savez, without pickled objects.",
            subject=path,
        ) from error
    missing = [name for name in dimensions if name not in arrays]
    shapes = {name: array.shape for name, array in arrays.items()}
    right = all(arrays[n].ndim == d for n, d in dimensions.items() if n in arrays)
    lengths = {shape[:1] for shape in shapes.values()}
    if missing or not right or len(lengths) != 1 or lengths == {(0,)}:
        why = f"it lacks {', '.join(missing)}" if missing else f"its arrays have shapes {shapes}"
        wanted = ", ".join(f"{name} ({d})" for name, d in dimensions.items())
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"It is no archive of {what}: {why}.",
            remedy=f"These arrays (and their number of axes) belong in it, each with one entry "
            f"a nodule: {wanted}.",
            subject=path,
        )
    return arrays
