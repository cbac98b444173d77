"""The page's files load nothing from elsewhere, and NiiVue is the one that was fetched."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "app" / "review" / "web"
VENDOR = WEB / "vendor"
OWN = sorted(
    file
    for suffix in ("html", "css", "js")
    for file in WEB.rglob(f"*.{suffix}")
    if VENDOR not in file.parents
)
# A namespace is a name, not an address that is loaded.
NAMES = ("http://www.w3.org/2000/svg",)


class Tags(HTMLParser):
    """What a page loads, and what it says in its own text as script or style."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.within = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        self.within = tag
        self.inline += [name for name in named if name.startswith("on") or name == "style"]
        if tag in {"script", "link", "img", "iframe"}:
            self.loaded.append(named.get("src") or named.get("href") or "")

    def handle_data(self, data: str) -> None:
        if self.within in {"script", "style"} and data.strip():
            self.inline.append(data)
        self.within = ""


def test_niivue_is_what_its_checksum_says():
    about = json.loads((VENDOR / "niivue.json").read_text(encoding="utf-8"))
    module = (VENDOR / "niivue.js").read_bytes()
    assert hashlib.sha256(module).hexdigest() == about["sha256"]


def test_niivue_comes_with_its_licence_and_those_of_what_it_holds():
    assert "BSD 2-Clause" in (VENDOR / "LICENSE").read_text(encoding="utf-8")
    bundled = (VENDOR / "niivue.bundled.txt").read_text(encoding="utf-8")
    for name in ("fflate", "gl-matrix", "nifti-reader-js", "numcodecs", "zarrita"):
        assert re.search(rf"^{name} \d", bundled, re.MULTILINE)


def test_niivue_imports_nothing_and_fetches_no_fixed_address():
    module = (VENDOR / "niivue.js").read_text(encoding="utf-8")
    assert not re.search(r"""(?:^|;)(?:im|ex)port\b[^;]{0,2000}\bfrom\s*["']""", module)
    loads = r"""\b(?:fetch|import|Worker|importScripts)\(\s*["'`]\s*(?:https?:)?//"""
    assert not re.search(loads, module)


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.relative_to(WEB).as_posix())
def test_own_files_name_no_address(file):
    text = file.read_text(encoding="utf-8")
    found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)]*", text)
    assert [url for url in found if url not in NAMES] == []


@pytest.mark.parametrize("file", sorted(WEB.glob("*.html")), ids=lambda file: file.name)
def test_pages_have_no_inline_script_or_style(file):
    tags = Tags()
    tags.feed(file.read_text(encoding="utf-8"))
    assert tags.inline == []
    assert all((WEB / path).is_file() for path in tags.loaded)


@pytest.mark.parametrize("file", sorted((WEB / "js").glob("*.js")), ids=lambda file: file.name)
def test_modules_import_files_that_are_there(file):
    text = file.read_text(encoding="utf-8")
    named = re.findall(
        r"""(?:^import .*?from |import\(|new URL\()["']([^"']+)["']""", text, re.MULTILINE
    )
    assert all((file.parent / path).is_file() for path in named)
