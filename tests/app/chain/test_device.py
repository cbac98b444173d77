"""Devices that there are, and those that there are not."""

from __future__ import annotations

import pytest
import torch

from nodulus.app.chain.device import find_device
from nodulus.app.errors import ErrorCode, NodulusError


@pytest.mark.parametrize("name", ["gpu", "", "CUDA", "cuda:99", "cpu:1", "patient^name" * 20])
def test_what_is_not_there_is_named_with_what_is(name: str) -> None:
    with pytest.raises(NodulusError) as raised:
        find_device(name)
    assert raised.value.code is ErrorCode.DEVICE_NOT_AVAILABLE
    assert "auto, cpu" in raised.value.remedy


def test_cuda_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NodulusError, match="sees no CUDA device"):
        find_device("cuda")
    assert find_device("auto").type == "cpu"


def test_cuda_where_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("auto") == torch.device("cuda")
    assert find_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(NodulusError) as raised:
        find_device("cuda:2")
    assert "cpu, cuda, cuda:0, cuda:1" in raised.value.remedy
