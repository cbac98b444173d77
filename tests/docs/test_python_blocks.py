"""The Python of the documentation: what it imports and names of the package is there."""

from __future__ import annotations

import ast
import importlib
from operator import attrgetter

import pytest

import nodulus
from tests.docs.shell_blocks import Block, blocks

PYTHON = [block for block in blocks() if block.language == "python"]


def names(text: str) -> list[str]:
    """Each ``module.name`` of the package that a block imports or writes in full."""
    tree = ast.parse(text)
    imported = [
        f"{node.module}:{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nodulus")
        for alias in node.names
    ]
    written = [
        f"nodulus:{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == nodulus.__name__
    ]
    return imported + written


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.page)
def test_what_a_page_imports_is_there(block: Block) -> None:
    found = names(block.text)
    assert found, "a block of Python that uses nothing of the package"
    for name in found:
        module, attribute = name.split(":")
        attrgetter(attribute)(importlib.import_module(module))


def test_a_name_that_is_gone_is_seen() -> None:
    (name,) = names("from nodulus.app.chain import (\n    Scan,\n)\n")
    module, attribute = name.split(":")
    assert not hasattr(importlib.import_module(module), attribute)
    assert names("import nodulus\nnodulus.Chain().analyse(x)") == ["nodulus:Chain"]
