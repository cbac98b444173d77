"""Run every case: `python -m tests.headers [--image CT.dcm] [--write] [--log LOG]`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.case_log import CaseLog
from tests.headers.outcome import read, write_all
from tests.headers.series import cases, real_header, series, write


def main() -> int:
    """Print every case that is wrong, and how many there were of each outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="whose header is used; default: pydicom's")
    parser.add_argument("--write", action="store_true", help="write all results, and validate them")
    parser.add_argument("--only", default="", help="cases with this text in their name")
    parser.add_argument("--log", type=Path, help="go on where a run with this file stopped")
    chosen = parser.parse_args()
    validate = chosen.write and shutil.which("dciodvfy") is not None
    images = series(real_header(chosen.image))
    log = CaseLog(chosen.log)
    with tempfile.TemporaryDirectory() as work:
        for case in sorted(cases(images[0]), key=lambda case: not case.is_looked_at):
            if chosen.only not in case.name or case.name in log.done:
                continue
            folder = Path(work, "in")
            shutil.rmtree(folder, ignore_errors=True)
            write(images, folder, case)
            outcome = read(folder)
            wrong = outcome.wrong
            if outcome.refused and not case.is_needed:
                wrong = f"refused: {outcome.refused}"
            if outcome.volume is not None and wrong is None and chosen.write:
                wrong = write_all(
                    outcome.volume, Path(work, "out"), validate=validate and not case.is_repeated
                )
            kind = "wrong" if wrong else "refused" if outcome.refused else "read"
            log.add(case.name, kind, wrong or outcome.refused or "")
            if wrong:
                sys.stdout.write(f"{case.name}: {wrong}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{log.summary()}\n")
    return int(log.tally["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
