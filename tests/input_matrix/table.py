"""The table of docs/input.md: what is expected of every variant."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs" / "input.md"
_OUTCOME = re.compile(
    r"(?P<kind>same volume|same findings|refused)"
    r"(?P<loose> loosely)?(: `(?P<code>[a-z0-9-]+)`)?"
    r"( within (?P<hu>[0-9.]+) HU)?( but (?P<slices>\d+) slices?)?"
)


@dataclass(frozen=True)
class Row:
    """What is expected of one variant.

    Args:
        name: of the variant.
        kind: ``same volume``, ``same findings`` or ``refused``.
        code: of the refusal.
        within_hu: largest difference from the plain volume.
        slices: how many slices may differ from it by more.
        loose: fewer slices are there, and findings may differ more.
        warnings: codes of the volume's warnings.
        problems: codes of the errors about single files.
    """

    name: str
    kind: str
    code: str | None
    within_hu: float
    slices: int
    loose: bool
    warnings: frozenset[str]
    problems: frozenset[str]


def read_table() -> list[Row]:
    """The rows, in the order of the page.

    Raises:
        ValueError: an outcome is not one of those that the page explains.
    """
    rows = []
    for line in _section().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or len(cells) != 5:
            continue
        outcome = _OUTCOME.fullmatch(cells[2])
        if outcome is None:
            raise ValueError(f"{cells[0]}: {cells[2]!r} is no outcome")
        rows.append(
            Row(
                name=cells[0].strip("`"),
                kind=outcome["kind"],
                code=outcome["code"],
                within_hu=float(outcome["hu"] or 0),
                slices=int(outcome["slices"] or 0),
                loose=outcome["loose"] is not None,
                warnings=_codes(cells[3]),
                problems=_codes(cells[4]),
            )
        )
    return rows


def counts(rows: list[Row]) -> str:
    """The sentence that counts them."""
    kinds = Counter(row.kind for row in rows)
    warned = sum(bool(row.warnings) for row in rows if row.kind != "refused")
    return (
        f"Of {len(rows)} variants, {kinds['same volume']} give the same volume, "
        f"{kinds['same findings']} another volume with the same findings ({warned} of both with a "
        f"warning), and {kinds['refused']} are refused."
    )


def _section() -> str:
    return DOCS.read_text(encoding="utf-8").split("## The input matrix")[1].split("\n## ")[0]


def _codes(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([a-z0-9-]+)`", cell))
