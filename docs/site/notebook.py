"""A Jupyter notebook as Markdown: for the site, and for the tests that read the pages' commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHELL = "!"
"""What a cell begins with that is run by a shell."""


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook.

    Args:
        language: ``markdown``, ``python`` or ``bash``.
        text: its source, of a command without the exclamation mark.
        tags: as Jupyter keeps them; ``data`` is on a cell that makes what the others read.
    """

    language: str
    text: str
    tags: tuple[str, ...]

    @property
    def is_command(self) -> bool:
        """Whether a shell runs it."""
        return self.language == "bash"


def read_cells(path: Path) -> Iterator[Cell]:
    """The cells of a notebook (nbformat 4); one of code is Python, or one command of a shell."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        language = "markdown"
        if cell["cell_type"] == "code":
            language = "bash" if text.startswith(SHELL) else "python"
        yield Cell(language, text.removeprefix(SHELL), tuple(cell["metadata"].get("tags", ())))


def as_markdown(path: Path) -> str:
    """The notebook as a page: its text, its code as fenced blocks, a link to the file itself."""
    title, *rest = [
        cell.text if cell.language == "markdown" else f"```{cell.language}\n{cell.text}\n```"
        for cell in read_cells(path)
    ]
    # In HTML, since links to the notebook are turned into links to this page.
    link = f'<a href="{path.name}" download>The notebook, to be run in Jupyter</a>'
    return "\n\n".join([title, link, *rest]) + "\n"
