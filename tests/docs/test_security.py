"""Each threat of docs/security.md has a test, by its name."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.shell_blocks import REPOSITORY

PAGE = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    row
    for line in PAGE.splitlines()
    if line.startswith("| ") and not (row := line.strip("| ")).startswith("threat")
]


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """Names of all tests."""
    return {
        node.name
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[0].strip())
def test_a_threat_has_its_test(row: str, tests: set[str]) -> None:
    named = re.findall(r"`(test_\w+)`", row.rsplit("|", 1)[1])
    assert named
    assert set(named) <= tests


def test_nothing_listens_for_associations() -> None:
    """pynetdicom's servers are these."""
    found = [
        path
        for path in (REPOSITORY / "app").rglob("*.py")
        if re.search(r"\b(start_server|\w*AssociationServer)\b", path.read_text("utf-8"))
    ]
    assert found == []
