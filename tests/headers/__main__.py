"""Run every case: `python -m tests.headers [--image CT.dcm] [--write] [--only TEXT]`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.headers.outcome import read, write_all
from tests.headers.series import cases, real_header, series, write


def main() -> int:
    """Print every case that is wrong, and how many there were of each outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="whose header is used; default: pydicom's")
    parser.add_argument("--write", action="store_true", help="write all results, and validate them")
    parser.add_argument("--only", default="", help="cases with this text in their name")
    chosen = parser.parse_args()
    validate = chosen.write and shutil.which("dciodvfy") is not None
    images = series(real_header(chosen.image))
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as work:
        for case in cases(images[0]):
            if chosen.only not in case.name:
                continue
            folder = Path(work, "in")
            shutil.rmtree(folder, ignore_errors=True)
            write(images, folder, case)
            outcome = read(folder)
            wrong = outcome.wrong
            if outcome.refused and not case.is_needed:
                wrong = f"refused: {outcome.refused}"
            if outcome.volume is not None and wrong is None and chosen.write:
                wrong = write_all(outcome.volume, Path(work, "out"), validate=validate)
            kind = "wrong" if wrong else "refused" if outcome.refused else "read"
            tally[kind] += 1
            if wrong:
                sys.stdout.write(f"{case.name}: {wrong}\n")
                sys.stdout.flush()
    sys.stdout.write(", ".join(f"{count} {kind}" for kind, count in sorted(tally.items())) + "\n")
    return int(tally["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
