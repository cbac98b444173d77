"""One page about a cohort: counts, failures, distributions, the slowest and the most suspicious."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from nodulus.app.cohort.run_cohort import STATE_FOLDER, study_rows
from nodulus.app.cohort.tables import StudyRow
from nodulus.app.cohort.thumbnails import SIDE, within_budget
from nodulus.app.page_template import page_template
from nodulus.app.private_folder import STAGING_PREFIX, private_folder
from nodulus.app.results.file_plan import REPORT_FILE

PAGE = "index.html"
SHOWN = 20
"""Rows of the lists."""


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram."""

    label: str
    count: int
    share: float


@dataclass(frozen=True)
class Histogram:
    """How a number is distributed over the studies.

    Args:
        title: what is counted.
        edges: of the bars; the first one takes what is less, the last one what is more.
        unit: of the numbers.
        value: of a study; None where it has none.
    """

    title: str
    edges: Sequence[float]
    unit: str
    value: Callable[[StudyRow], float | None]

    def bars(self, values: Sequence[float]) -> list[Bar]:
        """Count values between the edges."""
        counts = [0] * (len(self.edges) + 1)
        for value in values:
            counts[sum(value >= edge for edge in self.edges)] += 1
        texts = [f"{edge:g}" for edge in self.edges]
        labels = [
            f"< {texts[0]}",
            *(f"{low} to {high}" for low, high in pairwise(texts)),
            f"≥ {texts[-1]}",
        ]
        most = max(counts) or 1
        return [Bar(label, n, n / most) for label, n in zip(labels, counts, strict=True)]


def _lung_volume(row: StudyRow) -> float | None:
    litres = None if row.result is None else row.result.volume.lung_volume_ml
    return None if litres is None else litres / 1000


def _highest_malignancy(row: StudyRow) -> float | None:
    findings = () if row.result is None else row.result.findings
    return max((f.malignancy_probability for f in findings), default=None)


HISTOGRAMS = (
    Histogram("Findings", (1, 2, 3, 5, 10, 20), "", lambda r: r.outcome.findings),
    Histogram(
        "Highest malignancy", (0.05, 0.1, 0.25, 0.5, 0.75, 0.9), "",
        _highest_malignancy,
    ),
    Histogram("Lung volume", (1, 2, 3, 4, 5, 6, 7), "l", _lung_volume),
    Histogram(
        "Slice distance", (0.75, 1.25, 2, 2.5, 3, 5), "mm",
        lambda r: None if r.result is None else r.result.volume.spacing_irc_mm[0],
    ),
    Histogram("Time a study", (2, 5, 10, 20, 60), "s", lambda r: r.outcome.wall_s),
)  # fmt: skip


def write_page(output: Path, *, deidentify: bool = False) -> Path:
    """Write the page over every shard that has begun.

    Args:
        output: the folder for results.
        deidentify: whether what may hold a name is left out.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    folder = output / STATE_FOLDER
    html = page_template("nodulus.app.cohort", "cohort.html.jinja").render(
        **_content(study_rows(output), output), deidentify=deidentify
    )
    with private_folder(folder, STAGING_PREFIX) as own:
        (own / PAGE).write_text(html, encoding="utf-8", errors="backslashreplace")
        (own / PAGE).replace(folder / PAGE)
    return folder / PAGE


def _content(rows: Iterable[StudyRow], output: Path) -> dict[str, Any]:
    """Everything on the page, in one pass; no more than a few rows are held."""
    statuses: Counter[str] = Counter()
    codes: Counter[tuple[str, str]] = Counter()
    warnings: Counter[str] = Counter()
    values: list[list[float]] = [[] for _ in HISTOGRAMS]
    slowest: list[tuple[float, int, StudyRow]] = []
    suspicious: list[tuple[float, int, StudyRow]] = []
    wrong: list[StudyRow] = []
    for number, row in enumerate(rows):
        statuses[row.outcome.status] += 1
        if row.outcome.code is not None:
            codes[row.outcome.status, row.outcome.code] += 1
            if len(wrong) < SHOWN:
                wrong.append(row)
        warnings.update({w.code for w in row.result.warnings} if row.result else ())
        for histogram, found in zip(HISTOGRAMS, values, strict=True):
            if (value := histogram.value(row)) is not None:
                found.append(value)
        _keep(slowest, row.outcome.wall_s, number, row)
        _keep(suspicious, _highest_malignancy(row), number, row)
    most = [
        (row, max(row.result.findings, key=lambda f: f.malignancy_probability))
        for _, _, row in sorted(suspicious, reverse=True)
        if row.result is not None
    ]
    pictures = within_budget([(_report(output, row), finding.id) for row, finding in most])
    return {
        "statuses": statuses,
        "codes": codes.most_common(),
        "warnings": warnings.most_common(),
        "histograms": [
            (histogram, histogram.bars(found), len(found))
            for histogram, found in zip(HISTOGRAMS, values, strict=True)
            if found
        ],
        "slowest": [row for _, _, row in sorted(slowest, reverse=True)],
        "suspicious": [
            (row, finding, picture) for (row, finding), picture in zip(most, pictures, strict=True)
        ],
        "pictured": any(pictures),
        "side": SIDE,
        "has_report": lambda row: _report(output, row).is_file(),
        "wrong": wrong,
    }


def _report(output: Path, row: StudyRow) -> Path:
    return output / (row.outcome.folder or "") / REPORT_FILE


def _keep(
    heap: list[tuple[float, int, StudyRow]], value: float | None, number: int, row: StudyRow
) -> None:
    if value is None:
        return
    heapq.heappush(heap, (value, -number, row))
    if len(heap) > SHOWN:
        heapq.heappop(heap)
