"""Tensors as the Open Inference Protocol's binary extension sends them.

A body is a JSON object and the values of each tensor after it, in the object's order, little-endian
and with the last axis the quickest; a header of HTTP tells the length of the object.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

HEADER_LENGTH = "Inference-Header-Content-Length"
"""Name of the HTTP header with the length of the JSON object in bytes."""
BINARY = "application/octet-stream"
FLOAT32 = "FP32"
"""The one datatype that the networks take and give."""
Floats = NDArray[np.float32]
Side = Literal["inputs", "outputs"]


@dataclass(frozen=True)
class Message:
    """A request or a response.

    Args:
        header: the JSON object without its tensors.
        tensors: float32, by name.
    """

    header: Mapping[str, Any]
    tensors: Mapping[str, Floats]


def encode(message: Message, side: Side) -> tuple[bytes, int]:
    """Write a message.

    Args:
        message: to be sent.
        side: ``inputs`` for a request, ``outputs`` for a response.

    Returns:
        The body, and the length of its JSON object.
    """
    values = [np.ascontiguousarray(array, "<f4") for array in message.tensors.values()]
    tensors = [
        {
            "name": name,
            "shape": list(array.shape),
            "datatype": FLOAT32,
            "parameters": {"binary_data_size": array.nbytes},
        }
        for name, array in zip(message.tensors, values, strict=True)
    ]
    header = json.dumps({**message.header, side: tensors}).encode()
    return b"".join([header, *map(bytes, values)]), len(header)


def decode(body: bytes, header_length: int | None, side: Side) -> Message:
    """Read a message, binary or not.

    Args:
        body: of a request or response.
        header_length: of its JSON object; None where all of it is one.
        side: as of :func:`encode`.

    Raises:
        ValueError: it does not hold; says why, and quotes no values.
    """
    length = len(body) if header_length is None else header_length
    if not 0 <= length <= len(body):
        raise ValueError(f"a header of {length} bytes in a body of {len(body)}")
    try:
        header = json.loads(body[:length])
        entries = header.pop(side)
        tensors = {}
        for entry in entries:
            tensors[str(entry["name"])], length = _tensor(entry, body, length)
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"no message of the protocol: {type(error).__name__}") from error
    if length != len(body):
        raise ValueError(f"{len(body) - length} bytes belong to no tensor")
    return Message(header, tensors)


def _tensor(entry: Mapping[str, Any], body: bytes, start: int) -> tuple[Floats, int]:
    """A tensor, and where the next one's values begin."""
    name, shape = str(entry["name"])[:64], _shape(entry["shape"])
    if entry["datatype"] != FLOAT32:
        raise ValueError(f"{name}: the datatype must be {FLOAT32}")
    size = entry.get("parameters", {}).get("binary_data_size")
    if size is None:
        array = np.asarray(entry["data"], np.float32)
        if array.size != math.prod(shape):
            raise ValueError(f"{name}: {array.size} values, not the {math.prod(shape)} of {shape}")
        return array.reshape(shape), start
    if size != 4 * math.prod(shape) or start + size > len(body):
        raise ValueError(f"{name}: {size} bytes do not hold float32 of shape {shape}")
    array = np.frombuffer(body, "<f4", math.prod(shape), start).reshape(shape)
    return array.astype(np.float32, copy=False), start + size


def _shape(given: Sequence[Any]) -> tuple[int, ...]:
    shape = tuple(given)
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("a shape must be whole numbers")
    return shape
