"""The output folder of a run: one folder a study, and summary.json, which all runs share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from nodulus.app.errors import not_writable
from nodulus.app.private_folder import STAGING_PREFIX, clear_remains, locked, private_folder
from nodulus.app.results.folder import FINDINGS_FILE
from nodulus.app.results.same_study import stored_result

SUMMARY = "summary.json"
IMAGES = ".images.json"
"""Where the images of each study are, for the review; a path may hold a patient's name, so that
this file is its owner's alone, hidden, and no part of a result."""

Entry = dict[str, Any]


class OutputFolder:
    """Results of one run, beside those of earlier ones and of others that run now.

    A run writes the folders of its own studies, and its part of summary.json. What a process that
    was killed left here is removed.

    Args:
        root: made where it is missing.
        source: the input of the run: what it says of studies without a result, and of other
            problems, replaces what an earlier run with the same input said of them.

    Raises:
        NodulusError: ``output-not-writable``.
    """

    def __init__(self, root: Path, source: Path | None = None) -> None:
        self.root = root
        self._input = None if source is None else _name_of(source)
        self._source = None if source is None else str(source.absolute())
        try:
            root.mkdir(parents=True, exist_ok=True)
            clear_remains(root)
            with private_folder(root, STAGING_PREFIX):
                pass
        except OSError as error:
            raise not_writable(self.root, error) from error

    def study(self, key: str) -> Path:
        """The folder of one study."""
        return self.root / key

    def record(self, studies: Sequence[Entry]) -> None:
        """Put studies into summary.json, in the place of what it said of them.

        Args:
            studies: each with its ``key``.

        Raises:
            NodulusError: ``output-not-writable``.
        """
        self._merge(studies, None)

    def remember_images(self, key: str) -> None:
        """Keep where a study's images are, so that they are found again for the review.

        Not to be called for de-identified results, which must not point back.

        Args:
            key: the study's, as its folder is named.

        Raises:
            NodulusError: ``output-not-writable``.
        """
        if self._source is None:
            return
        try:
            with locked(self.root), private_folder(self.root, STAGING_PREFIX) as own:
                known = {
                    name: path
                    for name, path in images_of(self.root).items()
                    if (self.root / name / FINDINGS_FILE).is_file()
                }
                known[key] = self._source
                (own / IMAGES).touch(mode=0o600)
                (own / IMAGES).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
                (own / IMAGES).replace(self.root / IMAGES)
        except (OSError, UnicodeError) as error:
            if isinstance(error, UnicodeError):  # a path that is no text is not remembered
                return
            raise not_writable(self.root, error) from error

    def finish(self, summary: Mapping[str, Sequence[Entry]]) -> None:
        """Put what a run says at its end into summary.json.

        Args:
            summary: its ``studies`` and its ``problems``.

        Raises:
            NodulusError: ``output-not-writable``.
        """
        self._merge(summary["studies"], summary["problems"])

    def _merge(self, studies: Sequence[Entry], problems: Sequence[Entry] | None) -> None:
        try:
            with locked(self.root), private_folder(self.root, STAGING_PREFIX) as own:
                before = _read(self.root / SUMMARY)
                content = {
                    "nodulus_version": metadata.version("nodulus"),
                    "studies": self._studies(before["studies"], studies, problems is not None),
                    "problems": self._problems(before["problems"], problems),
                }
                (own / SUMMARY).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
                (own / SUMMARY).replace(self.root / SUMMARY)
        except OSError as error:
            raise not_writable(self.root, error) from error

    def _studies(self, before: Sequence[Entry], new: Sequence[Entry], is_end: bool) -> list[Entry]:
        """Entries of both, each study once.

        Those without a folder stay while they tell of an error, until their input is done again.
        """
        there = {}
        for entry in before:
            is_done_again = is_end and self._input == entry.get("input") is not None
            if (self.root / entry["key"] / FINDINGS_FILE).is_file() or (
                entry.get("error") is not None and not is_done_again
            ):
                there[entry["key"]] = entry
        for entry in new:
            earlier = self._earlier_result(entry)
            there[entry["key"]] = {**entry, "earlier_result": earlier, "input": self._input}
        return [there[key] for key in sorted(there)]

    def _earlier_result(self, entry: Entry) -> str | None:
        """When the result was made that stays in the place of one that failed."""
        if entry["findings"] is not None:
            return None
        earlier = stored_result(self.root / entry["key"])
        return None if earlier is None else earlier.created

    def _problems(self, before: Sequence[Entry], new: Sequence[Entry] | None) -> list[Entry]:
        if new is None:
            return list(before)
        mine = [{**entry, "input": self._input} for entry in new]
        if self._input is None:
            return [*(entry for entry in before if entry not in mine), *mine]
        return [*(entry for entry in before if entry.get("input") != self._input), *mine]


def images_of(root: Path) -> dict[str, str]:
    """Where the images of an output folder's studies are, by their keys, as far as it is known.

    Args:
        root: the output folder.
    """
    try:
        content = json.loads((root / IMAGES).read_text(encoding="utf-8"))
        return {str(key): str(path) for key, path in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _name_of(source: Path) -> str:
    """A name for an input that does not tell its path, which may hold a patient's name."""
    return hashlib.sha256(str(source.absolute()).encode(errors="surrogateescape")).hexdigest()[:16]


def _read(path: Path) -> dict[str, list[Entry]]:
    """What summary.json says, as far as it is one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        studies, problems = content["studies"], content["problems"]
        studies = [s for s in studies if s["key"] == Path(s["key"]).name]
        return {"studies": studies, "problems": [dict(problem) for problem in problems]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"studies": [], "problems": []}
