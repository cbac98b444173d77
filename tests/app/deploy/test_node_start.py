"""What the node asks for before its first study."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nodulus.app.deploy.node import analysis
from nodulus.app.deploy.node.analysis import Analyser
from nodulus.app.deploy.node.node import Node
from nodulus.app.deploy.node.orthanc import CtStudy
from nodulus.app.deploy.node.state import locked
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.clinical import ChangingClinicalFile
from nodulus.app.results.options import OutputOptions


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


def test_what_is_known_of_patients_reaches_the_analysis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text('{"1.2": {"screening": true}}')
    given: list[Any] = []
    monkeypatch.setattr(
        analysis,
        "run_all",
        lambda *_, clinical, **_more: given.append((clinical,)) or (),
    )
    orthanc = SimpleNamespace(download=lambda _instance, path: path.write_bytes(b"no image"))
    made = Analyser(
        cast("Any", orthanc), tmp_path, cast("Any", None), cast("Any", None), OutputOptions(),
        lambda: None, ChangingClinicalFile(facts),
    )  # fmt: skip
    with pytest.raises(NodulusError):  # there is no image
        made.results(CtStudy("1.2", ("instance",)))
    ((clinical, *_),) = given
    assert clinical.facts_of("1.2").screening is True


def test_nobody_else_looks_into_the_state(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    with locked(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
