"""A file that says which cases of a long run are done, so that it can go on where it stopped."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path


class CaseLog:
    """A line of JSON for each case: its name, its outcome, and details.

    Args:
        path: appended to; None to keep nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.tally: Counter[str] = Counter()
        self.done: set[str] = set()
        if path is not None and path.exists():
            for line in path.read_text("utf-8").splitlines():
                case, outcome, _ = json.loads(line)
                self.done.add(case)
                self.tally[outcome] += 1

    def add(self, case: str, outcome: str, detail: str = "") -> None:
        """Note a case that has been run."""
        self.tally[outcome] += 1
        self.done.add(case)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([case, outcome, detail]) + "\n")

    def summary(self) -> str:
        """How many cases had each outcome, those of earlier runs among them."""
        return "\n".join(f"{number:6d}  {outcome}" for outcome, number in self.tally.most_common())
