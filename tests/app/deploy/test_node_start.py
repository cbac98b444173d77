"""What the node asks for before its first study."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nodulus.app.deploy.node.node import Node
from nodulus.app.deploy.node.state import locked
from nodulus.app.errors import ErrorCode, NodulusError


def node(folder: Path, send_to: tuple[str, ...]) -> tuple[Node, list[str]]:
    asked: list[str] = []
    orthanc = SimpleNamespace(
        url="http://orthanc",
        modalities=lambda: asked.append("modalities") or ["pacs", "archive"],
        newest_change=lambda: asked.append("changes") or 0,
    )
    analyser = SimpleNamespace(folder=folder, clean=lambda: None)
    made = Node(cast("Any", orthanc), cast("Any", analyser), send_to, 0.01, threading.Event())
    return made, asked


def test_an_unknown_modality_is_told_before_any_study(tmp_path: Path) -> None:
    made, asked = node(tmp_path, ("pacs", "arhcive"))
    with pytest.raises(NodulusError) as raised:
        made.run(once=True)
    assert raised.value.code is ErrorCode.SETTINGS_INVALID
    assert "arhcive" in raised.value.message
    assert "archive, pacs" in raised.value.remedy
    assert asked == ["modalities"]


def test_known_ones_are_asked_for_once(tmp_path: Path) -> None:
    made, asked = node(tmp_path, ("pacs",))
    made.run(once=True)
    assert asked == ["modalities", "changes"]


def test_nobody_else_looks_into_the_state(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    with locked(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
