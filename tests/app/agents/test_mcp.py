"""`nodulus mcp`, asked by the package's own client over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from tests.app.results.geometries import make
from tests.app.results.synthetic import result_for
from tests.conftest import REPOSITORY

mcp = pytest.importorskip("mcp", reason="needs the extra mcp")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One study with two findings."""
    root = tmp_path_factory.mktemp("mcp")
    volume, labels, _ = make("axial", root / "ct")
    write_results(
        root / "out" / "study-a",
        volume,
        labels,
        result_for(volume, labels),
        options=OutputOptions(report=False),
    )
    return root / "out"


async def _ask(results: Path, *calls: tuple[str, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    server = mcp.StdioServerParameters(
        command=sys.executable,
        args=["-m", "nodulus", "mcp", str(results)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    async with mcp.Client(server) as client:
        tools = (await client.list_tools()).tools
        return tools, [await client.call_tool(name, values) for name, values in calls]


def ask(results: Path, *calls: tuple[str, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    return asyncio.run(_ask(results, *calls))


def test_a_client_lists_studies_and_findings_and_has_one_explained(results: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in results.rglob("*")}
    tools, answers = ask(
        results,
        ("list_studies", {}),
        ("list_findings", {"study": "study-a"}),
        ("explain_finding", {"study": "study-a", "finding": 2}),
        ("explain_finding", {"study": "study-a", "finding": 9}),
        ("list_findings", {"study": "../ct"}),
    )
    assert {tool.name for tool in tools} == {
        "list_studies", "list_findings", "explain_finding", "capabilities",
    }  # fmt: skip
    assert all(tool.annotations.read_only_hint for tool in tools)
    kept = json.loads((results / "study-a" / "findings.json").read_text())
    texts = [answer.content[0].text for answer in answers]
    (study,) = json.loads(texts[0])
    assert study["study"] == "study-a"
    assert study["findings"] == len(kept["findings"]) == 2
    listed = json.loads(texts[1])
    for own, known in zip(listed, kept["findings"], strict=True):
        assert own["malignancy_probability"] == known["malignancy_probability"]
        assert own["center_lps_mm"] == known["center_lps_mm"]
    explained = json.loads(texts[2])
    assert explained["finding"]["mean_hu"] == kept["findings"][1]["mean_hu"]
    points = [point["name"] for point in kept["operating_points"]]
    assert [point["name"] for point in explained["operating_points"]] == points
    assert [answer.is_error for answer in answers] == [False, False, False, True, True]
    assert "no finding 9" in texts[3]
    assert "no result of this study" in texts[4]
    image = dcmread(next((results.parent / "ct").rglob("*.dcm")))
    for secret in (image.PatientID, image.PatientName, image.StudyInstanceUID):
        assert str(secret)
        assert all(str(secret) not in text for text in texts)
    assert {file: file.stat().st_mtime_ns for file in results.rglob("*")} == before


def test_it_says_what_the_installation_can_do(results: Path) -> None:
    _, (answer,) = ask(results, ("capabilities", {}))
    assert "candidates-invalid" in json.loads(answer.content[0].text)["error_codes"]
