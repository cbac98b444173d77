"""The documentation site: built without a warning, complete, and nothing from other hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import nodulus
from tests.docs.shell_blocks import REPOSITORY

pytest.importorskip("mkdocs", reason="needs the extra docs")
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"?(https?:[^\"\s>]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The layout that griffe reads, as `make docs` has it.
    layout = REPOSITORY / "build" / "layout" / "nodulus"
    if not (layout / "app").exists():
        pytest.skip("needs build/layout: make docs")
    folder = tmp_path_factory.mktemp("site")
    call = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(folder)]
    built = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_public_name_has_its_place_in_the_reference(site: Path) -> None:
    page = (site / "reference" / "index.html").read_text(encoding="utf-8")
    names = [name for name in nodulus.__all__ if not name.startswith("__")]
    assert [name for name in names if f'id="nodulus.{name}"' not in page] == []


def test_every_transform_and_every_page_is_there(site: Path) -> None:
    modules = [p for p in (REPOSITORY / "transforms").rglob("*.py") if p.name != "__init__.py"]
    assert len(list((site / "reference" / "transforms").glob("*.html"))) == len(modules) + 1
    for page in (REPOSITORY / "docs").glob("*.md"):
        assert (site / page.with_suffix(".html").name).is_file()


def test_the_list_for_programs_names_pages_that_are_there(site: Path) -> None:
    text = (site / "llms.txt").read_text(encoding="utf-8")
    pages = re.findall(r"^- \[.+\]\((.+)\)$", text, re.MULTILINE)
    assert {"for_researchers.html", "models/segmentation.html"} <= set(pages)
    assert [page for page in pages if not (site / page).is_file()] == []


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert LOADED.findall(page.read_text(encoding="utf-8")) == [], page.name
    for style in site.rglob("*.css"):
        assert "url(http" not in style.read_text(encoding="utf-8")
