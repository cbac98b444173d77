"""The input matrix on a real CT: `python benchmarks/input_matrix.py CT`.

Makes every variant that docs/input.md lists from one series, reads it as the command line does,
and says whether the outcome is the one of the table. Where the volume is rightly another one,
and for the plain series, the whole chain runs and the results are written; `--chain all` does so
for every variant that is read.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nodulus.app.chain import load_models, load_settings  # noqa: E402
from nodulus.app.errors import NodulusError  # noqa: E402
from nodulus.app.result import Finding, StudyResult  # noqa: E402
from nodulus.app.results.options import OutputOptions  # noqa: E402
from nodulus.app.study import run_study  # noqa: E402
from tests.app.same_findings import nearest  # noqa: E402
from tests.input_matrix import VARIANTS, Source  # noqa: E402
from tests.input_matrix.outcome import Reading, difference_hu, is_sound, read  # noqa: E402
from tests.input_matrix.source import write  # noqa: E402
from tests.input_matrix.table import Row, read_table  # noqa: E402

SAME_PLACE_MM = 5.0


class Matrix:
    """One series, its plain outcome, and the chain."""

    def __init__(self, series: Path, work: Path) -> None:
        self.source = Source.from_folder(series).encoded_anew()
        self.study_uid = str(self.source.images[0].StudyInstanceUID)
        self.work = work
        self.models, self.settings = load_models(), load_settings()
        folder = self.fresh("plain")
        write(self.source.copies(), folder)
        self.plain = read(folder, self.study_uid)
        self.findings = self.chain(self.plain).findings

    def fresh(self, name: str) -> Path:
        """An empty folder."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def chain(self, reading: Reading) -> StudyResult:
        """Everything that the command line does with a study."""
        if reading.study is None:
            raise ValueError("there is no study")
        return run_study(
            reading.study,
            self.work / "results" / reading.study.key,
            self.models,
            self.settings,
            OutputOptions(),
        ).result

    def examine(self, row: Row, *, always: bool) -> tuple[bool, str]:
        """Whether a row holds, and what was seen."""
        folder = self.fresh("variant")
        VARIANTS[row.name](self.source, folder)
        reading = read(folder, self.study_uid)
        if row.kind == "refused":
            code = reading.error.code.value if reading.error else "read"
            return code == row.code, f"refused: {code}"
        if reading.volume is None or self.plain.volume is None:
            return False, f"refused: {reading.error}"
        own = self.plain.warnings
        holds = row.warnings <= reading.warnings and reading.problems == row.problems
        more = sorted(reading.warnings - row.warnings - own)
        seen = f"also warned: {', '.join(more)}; " if more else ""
        holds &= is_sound(reading.volume)
        if row.kind == "same volume":
            worst = difference_hu(self.plain.volume, reading.volume).max(axis=(1, 2))
            holds &= int(np.sum(worst > row.within_hu)) == row.slices and bool(
                np.isfinite(worst).all()
            )
            seen += f"{np.sum(worst > 0)} slices differ, by {worst.max():g} HU at most"
        if row.kind == "same findings" or always:
            same, text = self.compare(self.chain(reading).findings)
            holds &= same
            seen += text
        return holds, seen

    def compare(self, findings: tuple[Finding, ...]) -> tuple[bool, str]:
        """Findings of the plain series that are there again; the first must be."""
        pairs = [nearest(findings, one) for one in self.findings] if findings else []
        again = [distance <= SAME_PLACE_MM for _, distance in pairs]
        return bool(again and again[0]), (
            f"{sum(again)} of {len(self.findings)} findings again, {len(findings)} in all"
        )


def main() -> int:
    """Run the rows and print what became of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", type=Path, help="folder with one axial CT series")
    parser.add_argument("--chain", choices=("changed", "all"), default="changed")
    parser.add_argument("--only", nargs="*", help="these variants")
    chosen = parser.parse_args()
    holding: Counter[str] = Counter()
    rows = [row for row in read_table() if not chosen.only or row.name in chosen.only]
    with tempfile.TemporaryDirectory() as work:
        matrix = Matrix(chosen.series, Path(work))
        print(f"plain series: {len(matrix.findings)} findings", flush=True)
        for row in rows:
            began = time.perf_counter()
            try:
                holds, seen = matrix.examine(row, always=chosen.chain == "all")
            except NodulusError as error:
                holds, seen = False, str(error)
            holding[row.kind] += holds
            seconds = time.perf_counter() - began
            print(f"{'yes' if holds else 'NO '}  {row.name}: {seen} ({seconds:.0f} s)", flush=True)
    for kind, total in Counter(row.kind for row in rows).items():
        print(f"{kind}: {holding[kind]} of {total} as the table says")
    return int(sum(holding.values()) < len(rows))


if __name__ == "__main__":
    sys.exit(main())
