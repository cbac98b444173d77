"""The tables of follow_pairs.py, from its rows: matching, repeatability, bias, doubling times.

Sizes are those of the truth, so that no class is chosen by the error of a measurement. Limits are
looked up as the program does, by the measured diameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.followup.repeatability import Repeatability

Row = dict[str, Any]
Test = Callable[[Row], bool]
ZONES = ("parenchyma", "periphery", "vessel", "diaphragm")
SIZES = ((0.0, 6.0), (6.0, 8.0), (8.0, 12.0), (12.0, math.inf))
"""True diameter of a sphere of the volume, mm."""
SLICES = ((0.0, 1.5), (1.5, 2.01), (2.01, 99.0))
"""Slice distance, mm: thin, up to the limit of doubling times, thicker."""


def diameter_mm(row: Row) -> float:
    """True diameter on the prior scan, or on the current one where it is new."""
    volume = float(row["true_prior_mm3"] or row["true_current_mm3"])
    return (6.0 * volume / math.pi) ** (1.0 / 3.0)


def between(low: float, high: float, unit: str = "mm") -> str:
    """A range in words."""
    if low <= 0:
        return f"to {high:g} {unit}"
    return f"{low:g} {unit} and more" if high > 90 else f"{low:g} to {high:g} {unit}"


def log_error(row: Row) -> float:
    """Logarithm of the measured over the true ratio of the volumes."""
    measured = float(row["current_mm3"]) / float(row["prior_mm3"])
    return math.log(measured * float(row["true_prior_mm3"]) / float(row["true_current_mm3"]))


def coefficient(errors: NDArray[np.float64]) -> float:
    """Of one measurement, from the errors of ratios of two (Bland and Altman 1996)."""
    return math.sqrt(float(np.mean(errors**2)) / 2.0)


def interval(errors: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of `coefficient`, by 2,000 draws with replacement."""
    draws = np.random.default_rng(0).choice(errors, (2000, len(errors)))
    spread = np.sqrt((draws**2).mean(axis=1) / 2.0)
    low, high = np.percentile(spread, (2.5, 97.5))
    return float(low), float(high)


def matching_lines(rows: Sequence[Row]) -> list[str]:
    """Counts of matched, wrongly matched and unmatched nodules by zone."""
    lines = [
        "| zone | on both scans | found on both | matched | ambiguous | wrong | not matched |",
        "|---|---|---|---|---|---|---|",
    ]
    for zone in (*ZONES, "all"):
        of_zone = [r for r in rows if zone in (r["zone"], "all")]
        there = [r for r in of_zone if r["fate"] in ("unchanged", "changed")]
        outcomes = [r["outcome"] for r in there]
        matched = [r for r in there if r["outcome"] == "matched"]
        found = len(there) - outcomes.count("not on both")
        counts = (
            len(there), found, len(matched), sum(str(r["ambiguous"]) == "1" for r in matched),
            outcomes.count("wrong"), outcomes.count("not matched"),
        )  # fmt: skip
        lines.append(f"| {zone} | " + " | ".join(map(str, counts)) + " |")
    strays = sum(str(r["stray"]) == "1" for r in rows)
    lines += ["", f"Nodules found on one scan alone, matched with another finding: {strays}."]
    return lines


def repeatability_lines(rows: Sequence[Row], limits: Repeatability) -> list[str]:
    """Coefficient of variation, limit, and how often the settings' limits hold the truth."""
    matched = [r for r in rows if r["outcome"] == "matched"]
    kinds: list[tuple[str, Test]] = [
        (f"alike, slices {between(low, high)}",
         lambda r, low=low, high=high: str(r["alike"]) == "1"
         and low < float(r["thickest_mm"]) <= high)  # type: ignore[misc]
        for low, high in SLICES
    ]  # fmt: skip
    kinds.append(("made differently", lambda r: str(r["alike"]) != "1"))
    lines = [
        "| scans | true diameter | nodules | coefficient of variation (95 %) | 95 % limit | held |",
        "|---|---|---|---|---|---|",
    ]
    for name, kind in kinds:
        for low, high in SIZES:
            part = [r for r in matched if kind(r) and low <= diameter_mm(r) < high]
            head = f"| {name} | {between(low, high)} | {len(part)} |"
            if len(part) < 5:
                lines.append(f"{head} | | |")
                continue
            errors = np.array([log_error(r) for r in part])
            held = sum(
                abs(error) <= limits.limit(float(row["mean_diameter_mm"]))
                for error, row in zip(errors, part, strict=True)
            )
            one, two = interval(errors)
            cv = coefficient(errors)
            lines.append(
                f"{head} {cv:.3f} ({one:.3f} to {two:.3f}) | {1.96 * math.sqrt(2) * cv:.3f} |"
                f" {held} |"
            )
    return lines


def bias_lines(rows: Sequence[Row]) -> list[str]:
    """Measured over true volume of every nodule on every scan on which it was found."""
    seen = [
        {**r, "share": float(r[f"{scan}_mm3"]) / float(r[f"true_{scan}_mm3"]) - 1.0,
         "true_mm": (6.0 * float(r[f"true_{scan}_mm3"]) / math.pi) ** (1.0 / 3.0),
         "slice_mm": float(r[f"{scan}_slice_mm"])}
        for r in rows for scan in ("prior", "current")
        if r[f"{scan}_mm3"] and r[f"true_{scan}_mm3"]
    ]  # fmt: skip
    groups: list[tuple[str, Test]] = [
        (f"diameter {between(low, high)}",
         lambda r, low=low, high=high: low <= r["true_mm"] < high)  # type: ignore[misc]
        for low, high in SIZES
    ]  # fmt: skip
    groups += [
        (name, lambda r, name=name: r["texture"] == name)  # type: ignore[misc]
        for name in ("solid", "part-solid", "ground-glass")
    ]
    groups += [
        (f"attachment: {name}", lambda r, name=name: r["attachment"] == name)  # type: ignore[misc]
        for name in ("free", "vessel", "pleura")
    ]
    groups += [
        (f"slices {between(low, high)}",
         lambda r, low=low, high=high: low < r["slice_mm"] <= high)  # type: ignore[misc]
        for low, high in SLICES
    ]  # fmt: skip
    groups.append(("all", lambda r: True))
    lines = ["| nodules | measurements | median | middle half | 5th to 95th percentile |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name, wanted in groups:
        shares = [100.0 * r["share"] for r in seen if wanted(r)]
        if len(shares) < 5:
            lines.append(f"| {name} | {len(shares)} | | | |")
            continue
        p5, p25, p50, p75, p95 = np.percentile(shares, (5, 25, 50, 75, 95))
        lines.append(
            f"| {name} | {len(shares)} | {p50:+.0f} % | {p25:+.0f} to {p75:+.0f} % |"
            f" {p5:+.0f} to {p95:+.0f} % |"
        )
    return lines


def doubling_line(rows: Sequence[Row]) -> str:
    """How often a doubling time's interval holds the true one.

    Of all matched nodules for which the scans allow a doubling time; one that does not grow has an
    infinite one, one that shrinks a negative one, which an interval that holds "no growth" goes on
    to.
    """
    told = [r for r in rows if r["outcome"] == "matched" and str(r["with_interval"]) == "1"]
    grown = [r for r in told if float(r["growth"]) > 1.0]
    return (
        "Doubling times of nodules that grew, within their interval:"
        f" {sum(map(holds_truth, grown))} of {len(grown)}; of all, in rates:"
        f" {sum(map(holds_truth, told))} of {len(told)}."
    )


def holds_truth(row: Row) -> bool:
    """Whether the interval of a doubling time holds the true one, as rates of growth."""
    days = float(row["days"])
    true = math.log(float(row["true_current_mm3"]) / float(row["true_prior_mm3"])) / days
    # No end means a rate of growth of 0 or less; then the truth may be that too.
    fastest = math.log(2.0) / float(row["shortest_days"]) if row["shortest_days"] else 0.0
    slowest = math.log(2.0) / float(row["longest_days"]) if row["longest_days"] else -math.inf
    return slowest <= true <= fastest


def verdict_lines(rows: Sequence[Row]) -> list[str]:
    """What is said of nodules that truly grew by a quarter, did not change, or shrank."""
    matched = [r for r in rows if r["outcome"] == "matched"]
    lines = ["| truth | nodules | grown | no proven change | shrunk |", "|---|---|---|---|---|"]
    for name, wanted in (
        ("grew by a quarter or more", lambda r: float(r["growth"]) >= 1.25),
        ("unchanged", lambda r: float(r["growth"]) == 1.0),
        ("shrank by a fifth or more", lambda r: float(r["growth"]) <= 0.8),
    ):
        part = [r for r in matched if wanted(r)]
        counts = [sum(r["state"] == s for r in part)
                  for s in ("grown", "no proven change", "shrunk")]  # fmt: skip
        lines.append(f"| {name} | {len(part)} | " + " | ".join(map(str, counts)) + " |")
    return lines


def alone_lines(rows: Sequence[Row]) -> list[str]:
    """What the comparison says of nodules that are on one scan alone."""
    lines = []
    for fate, scan in (("new", "current"), ("vanished", "prior")):
        seen = [r for r in rows if r["fate"] == fate and r[f"{scan}_id"] != ""]
        states = sorted({str(r["state"]) for r in seen})
        counts = ", ".join(f"{s} {sum(r['state'] == s for r in seen)}" for s in states)
        lines.append(f"Of {len(seen)} {fate} nodules that were found: {counts or 'none'}.")
    return lines


def summary(rows: Sequence[Row], limits: Repeatability) -> list[str]:
    """All of it."""
    pairs = len({row["patient_id"] for row in rows})
    return [
        f"{pairs} pairs, {len(rows)} nodules",
        "",
        *matching_lines(rows),
        "",
        *repeatability_lines(rows, limits),
        "",
        *bias_lines(rows),
        "",
        doubling_line(rows),
        "",
        *verdict_lines(rows),
        "",
        *alone_lines(rows),
    ]
