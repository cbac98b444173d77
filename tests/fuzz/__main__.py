"""Command line of the fuzzer; exit status 1 where a case failed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from tests.fuzz.bases import make_bases
from tests.fuzz.cases import run_cases


def main() -> int:
    """Run the cases, print what failed and count the outcomes."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many cases")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    outcomes: Counter[str] = Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        bases = make_bases(Path(folder))
        numbers = range(chosen.start, chosen.start + chosen.count)
        for verdict in run_cases(bases, chosen.seed, numbers):
            outcomes[verdict.outcome] += 1
            if verdict.is_failure:
                failed += 1
                click.echo(f"case {verdict.number} ({verdict.base}): {verdict.outcome}")
                click.echo(verdict.detail)
    for outcome, number in outcomes.most_common():
        click.echo(f"{number:6d}  {outcome}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
