"""Whether the quick chain finds what the plain one finds: python benchmarks/parity.py SCANS -o OUT.

    nodulus phantom --studies 20 --seed 9500 --nodules test -o PHANTOMS
    python benchmarks/parity.py PHANTOMS/dicom CT_FOLDER -o OUT

Each study is analysed as `nodulus detect` does, and by the networks as they are stored: float32,
nothing rewritten, one look at all of the lungs. Findings are the same where their centres are less
than 1 mm apart. OUT gets `parity.json` and `parity.md`; studies that are there already are kept.
Studies are numbered, for their UIDs are nobody's business.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nodulus.app.chain import analyse, load_models, load_settings
from nodulus.app.chain.reference_chain import plain_models, plain_settings
from nodulus.app.reading import find_studies
from nodulus.app.result import Finding
from nodulus.bundles.common.atomic_files import write_text

SAME_MM = 1.0
LARGEST_DIFFERENCE = 0.02
HEADER = "| study | findings, plain | quick | without a partner | nodule | malignancy |"


@dataclass(frozen=True)
class Compared:
    """Two lists of findings of one study.

    Args:
        plain: findings of the plain chain.
        quick: findings of the quick one.
        alone: probabilities of the findings that only one of them has.
        nodule: largest difference of a nodule probability.
        malignancy: largest difference of a malignancy probability.
    """

    plain: int
    quick: int
    alone: tuple[float, ...]
    nodule: float
    malignancy: float

    @property
    def same(self) -> bool:
        """The same set, with probabilities within the limit."""
        return not self.alone and max(self.nodule, self.malignancy) < LARGEST_DIFFERENCE


def compare(plain: Sequence[Finding], quick: Sequence[Finding]) -> Compared:
    """Pair the findings that lie at the same place."""
    free = list(quick)
    alone: list[float] = []
    nodule, malignancy = [0.0], [0.0]
    for one in plain:
        distances = [np.linalg.norm(np.subtract(o.center_lps_mm, one.center_lps_mm)) for o in free]
        nearest = int(np.argmin(distances)) if distances else -1
        if nearest < 0 or distances[nearest] >= SAME_MM:
            alone.append(one.nodule_probability)
            continue
        other = free.pop(nearest)
        nodule.append(abs(one.nodule_probability - other.nodule_probability))
        malignancy.append(abs(one.malignancy_probability - other.malignancy_probability))
    alone += [one.nodule_probability for one in free]
    return Compared(len(plain), len(quick), tuple(alone), max(nodule), max(malignancy))


def markdown(rows: Sequence[Compared]) -> str:
    """The table, with a summary before it."""
    same = sum(row.same for row in rows)
    text = [
        f"{same} of {len(rows)} studies: the same findings, probabilities within 0.02.",
        "",
        HEADER,
        "|" + "---|" * (HEADER.count("|") - 1),
    ]
    for number, row in enumerate(rows, start=1):
        alone = ", ".join(f"{p:.3f}" for p in row.alone) or "-"
        text.append(
            f"| {number} | {row.plain} | {row.quick} | {alone}"
            f" | {row.nodule:.4f} | {row.malignancy:.4f} |"
        )
    return "\n".join(text) + "\n"


def main(given: Sequence[str] | None = None) -> None:
    """Compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(given)
    settings, models, plain = load_settings(), load_models(), plain_models()
    kept = args.output / "parity.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    rows: list[Compared] = []
    for source in args.scans:
        for number, study in enumerate(find_studies(source).studies):
            name = f"{source.name} {number}"
            if name in known:
                rows.append(Compared(**{**known[name], "alone": tuple(known[name]["alone"])}))
                continue
            volume = study.load()
            row = compare(
                analyse(volume, plain, plain_settings(settings)).findings,
                analyse(volume, models, settings).findings,
            )
            print(name, row, flush=True)
            rows.append(row)
            known[name] = asdict(row)
            write_text(kept, json.dumps(known, indent=1) + "\n")
            write_text(args.output / "parity.md", markdown(rows))
    print(markdown(rows))


if __name__ == "__main__":
    main()
