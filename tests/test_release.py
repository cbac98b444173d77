"""One version everywhere, and a change log in the form that it claims."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = re.search(r'(?m)^version = "(.+)"$', (ROOT / "pyproject.toml").read_text())[1]
HEADINGS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_file_has_the_version() -> None:
    texts = {
        "CITATION.cff": f"version: {VERSION}\n",
        "app/deploy/app.yaml": f"version: {VERSION}\n",
        "docs/deploy.md": f"nodulus:{VERSION}\n",
    }
    for name, text in texts.items():
        assert text in (ROOT / name).read_text(), name
    for path in (ROOT / "bundles").glob("*/configs/metadata.json"):
        assert json.loads(path.read_text())["supported_apps"] == {"nodulus": VERSION}


def test_the_installed_package_has_the_version() -> None:
    assert metadata.version("nodulus") == VERSION


def test_the_change_log_has_the_version_first_and_known_headings() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"(?m)^## \[(.+?)\]", text)
    assert releases[:2] == ["Unreleased", VERSION]
    assert re.search(rf"(?m)^## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d$", text)
    assert set(re.findall(r"(?m)^### (.+)$", text)) <= HEADINGS
    for release in re.split(r"(?m)^## ", text)[1:]:
        found = re.findall(r"(?m)^### (.+)$", release)
        assert len(found) == len(set(found)), "a heading stands twice"
