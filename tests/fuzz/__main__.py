"""Command line of the fuzzer; exit status 1 where a case failed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import click

from tests.case_log import CaseLog
from tests.fuzz.bases import make_bases
from tests.fuzz.cases import run_cases


def main() -> int:
    """Run the cases, print what failed and count the outcomes."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many cases")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write every result as well")
    parser.add_argument("--log", type=Path, help="go on where a run with this file stopped")
    chosen = parser.parse_args()
    log = CaseLog(chosen.log)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        bases = make_bases(Path(folder))
        numbers = range(chosen.start, chosen.start + chosen.count)
        left = [number for number in numbers if f"{chosen.seed}-{number}" not in log.done]
        for verdict in run_cases(bases, chosen.seed, left, write=chosen.write):
            log.add(f"{chosen.seed}-{verdict.number}", verdict.outcome, verdict.detail)
            if verdict.is_failure:
                failed += 1
                click.echo(f"case {verdict.number} ({verdict.base}): {verdict.outcome}")
                click.echo(verdict.detail)
    click.echo(log.summary())
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
