"""The chain on the real scans at hand: python benchmarks/real_scans.py -o OUT.

Unpacks the folder ``real`` of the data (``scans/*.nii.xz``, ``masks/*.nii.xz``,
``annotations.csv``) once into ``--unpacked``, adds the one mass that has no mask, and calls
``nodulus evaluate scans`` with ``benchmarks/real_scans.csv``, which says what each scan is for.
More options, such as ``--models``, go to that command as they are.
"""

from __future__ import annotations

import argparse
import lzma
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("real_scans.csv")
WITHOUT_MASK = "LUNG1-002,-74.7,14.2,-18.7,88"
"""A mass that the collection outlines, but whose mask is not at hand."""


def default_data() -> Path:
    """Beside the checkout, or as ``NODULUS_SHARED`` says."""
    named = os.environ.get("NODULUS_SHARED")
    return (Path(named) if named else ROOT.parent / "shared") / "data" / "real"


def unpack(data: Path, target: Path) -> None:
    """Write what is not there yet: a gigabyte."""
    for kind in ("scans", "masks"):
        (target / kind).mkdir(parents=True, exist_ok=True)
        for packed in sorted((data / kind).glob("*.nii.xz")):
            path = target / kind / packed.stem
            if not path.exists():
                part = path.with_suffix(".part")
                part.write_bytes(lzma.decompress(packed.read_bytes()))
                part.replace(path)


def write_lesions(data: Path, target: Path) -> Path:
    """The table with the mass that has no mask."""
    path = target / "lesions.csv"
    text = (data / "annotations.csv").read_text(encoding="utf-8").rstrip()
    commas = text.splitlines()[0].count(",") - WITHOUT_MASK.count(",")
    path.write_text(f"{text}\n{WITHOUT_MASK}{',' * commas}\n", encoding="utf-8")
    return path


def main() -> None:
    """Unpack and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--unpacked", type=Path, help="default: OUT/unpacked")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given, more = parser.parse_known_args()
    if not (given.data / "annotations.csv").is_file():
        print(f"skipped: no annotations.csv in {given.data}")
        return
    target = given.unpacked or given.output / "unpacked"
    unpack(given.data, target)
    from nodulus.app.commands.root import cli

    sys.argv = [
        "nodulus",
        "evaluate",
        "scans",
        str(target / "scans"),
        "--lesions",
        str(write_lesions(given.data, target)),
        "--masks",
        str(target / "masks"),
        "--table",
        str(TABLE),
        "-o",
        str(given.output),
        *more,
    ]
    cli()


if __name__ == "__main__":
    main()
