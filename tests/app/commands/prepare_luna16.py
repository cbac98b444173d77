"""Run `nodulus prepare luna16`, and read or break what it works on."""

from __future__ import annotations

import csv
from pathlib import Path

from click.testing import CliRunner, Result

from nodulus.app.commands.root import cli
from nodulus.app.data.prepare.problems import NOTES, ProblemKind

ANNOTATIONS = "annotations.csv"
COARSE = ("--spacing-mm", 3)  # a fraction of the time


def prepare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["prepare", *map(str, arguments)])


def luna16(folder: Path, cache: Path, *options: object) -> Result:
    return prepare("luna16", folder, "-o", cache, "--workers", 1, *COARSE, *options)


def problems(cache: Path, *, notes: bool = False) -> list[dict[str, str]]:
    """The rows of problems.csv, without the notes."""
    with (cache / "problems.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [r for r in rows if notes or ProblemKind(r["kind"]) not in NOTES]


def images(folder: Path) -> list[Path]:
    return sorted(folder.glob("subset*/*.mhd"))


def edit(path: Path, change) -> None:  # type: ignore[no-untyped-def]
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(row) for row in change(rows)) + "\n")


def nothing_half_written(cache: Path) -> bool:
    return not [p for p in cache.rglob("*") if p.name.endswith(".part")]
