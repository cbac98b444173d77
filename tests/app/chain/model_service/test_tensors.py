"""What is sent is what the protocol's binary extension says."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from nodulus.app.chain.model_service.tensors import Message, decode, encode


def test_the_bytes_of_a_request() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    body, length = encode(Message({"id": "a"}, {"image": values.T}), "inputs")
    assert json.loads(body[:length]) == {
        "id": "a",
        "inputs": [
            {
                "name": "image",
                "shape": [3, 2],
                "datatype": "FP32",
                "parameters": {"binary_data_size": 24},
            }
        ],
    }
    assert struct.unpack("<6f", body[length:]) == (0.0, 3.0, 1.0, 4.0, 2.0, 5.0)


def test_what_was_encoded_is_decoded() -> None:
    sent = {
        "a": np.random.default_rng(0).normal(size=(2, 1, 3)).astype(np.float32),
        "b": np.zeros((0, 4), np.float32),
    }
    body, length = encode(Message({"model_version": "7"}, sent), "outputs")
    found = decode(body, length, "outputs")
    assert found.header == {"model_version": "7"}
    assert list(found.tensors) == ["a", "b"]
    for name, values in sent.items():
        np.testing.assert_array_equal(found.tensors[name], values)


def test_a_body_of_json_alone() -> None:
    output = {"name": "pred", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2], [3, 4.5]]}
    found = decode(json.dumps({"outputs": [output]}).encode(), None, "outputs")
    np.testing.assert_array_equal(found.tensors["pred"], [[1, 2], [3, 4.5]])


def tensor(**changed: object) -> dict[str, object]:
    return {
        "name": "image", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8},
        **changed,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "values", "why"),
    [
        ({"inputs": [tensor(datatype="FP64")]}, bytes(8), "datatype"),
        ({"inputs": [tensor(shape=[3])]}, bytes(8), "do not hold"),
        ({"inputs": [tensor(shape=[-2])]}, bytes(8), "whole numbers"),
        ({"inputs": [tensor(shape=[True, 2])]}, bytes(8), "whole numbers"),
        ({"inputs": [tensor()]}, bytes(4), "do not hold"),
        ({"inputs": [tensor()]}, bytes(12), "belong to no tensor"),
        ({"inputs": [tensor(parameters={}, data=[1.0])]}, b"", "1 values"),
        ({"inputs": [{"name": "image"}]}, b"", "KeyError"),
        ({"inputs": 3}, b"", "TypeError"),
        ({}, b"", "KeyError"),
        ([], b"", "no message"),
    ],
)
def test_what_does_not_hold_is_refused(header: object, values: bytes, why: str) -> None:
    text = json.dumps(header).encode()
    with pytest.raises(ValueError, match=why):
        decode(text + values, len(text), "inputs")


@pytest.mark.parametrize(
    ("length", "why"),
    [(-1, "a header of -1"), (100, "a header of 100"), (3, "Unterminated|Expecting")],
)
def test_a_wrong_length_of_the_header(length: int, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode(b'{"inputs": []}', length, "inputs")
