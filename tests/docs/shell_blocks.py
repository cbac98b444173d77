"""The shell commands of the documentation: every ``bash`` block of every page and notebook."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.site.notebook import read_cells

REPOSITORY = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(?ms)^( *)```(\w*)\n(.*?)^ *```$")
_LOOP = re.compile(r"for (\w+) in (\S+).*; do")
_SUBSTITUTION = re.compile(r"\s*\w+=\$\((.*)\)\s*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


def pages() -> list[Path]:
    """Every page that shows commands to a user."""
    bundles = REPOSITORY / "bundles"
    return [
        *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((REPOSITORY / "docs").rglob("*.md")),
        *sorted(bundles.glob("*/docs/README.md")),
        bundles / "common" / "README.md",
    ]


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        page: path from the repository's root.
        language: what the fence says; empty where it says nothing.
        text: its lines, without the page's indentation.
    """

    page: str
    language: str
    text: str


def blocks() -> list[Block]:
    """The fenced blocks of all pages, and the commands of the notebooks."""
    found = []
    for page in pages():
        for indent, language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            lines = [line.removeprefix(indent) for line in text.splitlines()]
            name = page.relative_to(REPOSITORY).as_posix()
            found.append(Block(name, language, "\n".join(lines) + "\n"))
    for notebook in sorted((REPOSITORY / "docs" / "notebooks").glob("*.ipynb")):
        name = notebook.relative_to(REPOSITORY).as_posix()
        found += [Block(name, c.language, c.text) for c in read_cells(notebook) if c.is_command]
    return found


@dataclass(frozen=True)
class Command:
    """One command.

    Args:
        page: where it stands.
        words: as a shell would split it, without assignments in front.
    """

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block; of a loop its first round, without the loop's own words."""
    variables: dict[str, str] = {}
    for line in block.text.replace("\\\n", " ").splitlines():
        loop = _LOOP.fullmatch(line.strip())
        if loop:
            variables[loop[1]] = loop[2]
        if loop or line.strip() in {"done", ""}:
            continue
        text = re.sub(r"\$\(\(.*?\)\)", "0", line)
        for name, value in variables.items():
            text = re.sub(rf"\${name}\b|\${{{name}}}", value, text)
        inner = _SUBSTITUTION.fullmatch(text)
        for part in (inner[1] if inner else text).split("&&"):
            words = shlex.split(part, comments=True)
            while words and _VARIABLE.fullmatch(words[0]):
                del words[0]
            if words:
                yield Command(block.page, tuple(words))
