"""Follow-up on phantom pairs: python benchmarks/follow_pairs.py PAIRS -o OUT.

PAIRS comes from ``nodulus phantom --pairs --format luna16``. Each pair that OUT/nodules.csv does
not have yet is analysed and compared as ``nodulus follow`` does, and each nodule that the phantom
has on both scans, or on one, gets a row. Then, from all rows:

- matching: of the nodules found on both scans how many are matched with each other, with another
  finding, or not at all, by zone;
- repeatability: the coefficient of variation of one measurement, ``sqrt(mean(d^2) / 2)`` with ``d``
  the logarithm of the measured over the true ratio of both volumes (Bland and Altman, BMJ 312:1654,
  1996), by size and acquisition, and 1.96 sqrt(2) of it, the 95 % limit between two measurements;
- how often the limits of ``configs/repeatability.json`` hold the true ratio, and the interval of a
  doubling time the true one.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nodulus.app.chain import Chain
from nodulus.app.followup.compare import AnalysedScan, compare
from nodulus.app.followup.repeatability import Repeatability, load_repeatability
from nodulus.app.followup.result import FollowUp, NoduleChange
from nodulus.app.reading import load_volume
from nodulus.app.result import Finding

Row = dict[str, Any]
ZONES = ("parenchyma", "periphery", "vessel", "diaphragm")
LEAST_REACH_MM = 3.0
THIN_MM = 1.5
COLUMNS = (
    "patient_id", "nodule", "fate", "zone", "days", "growth", "true_prior_mm3", "true_current_mm3",
    "prior_id", "current_id", "outcome", "state", "ambiguous", "prior_mm3", "current_mm3",
    "mean_diameter_mm", "thickest_mm", "alike", "doubling_days", "shortest_days", "longest_days",
    "distance_mm",
)  # fmt: skip


def read_rows(path: Path) -> list[Row]:
    """The rows of a table; none where it is not there."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def found_at(findings: Iterable[Finding], truth: Row, scan: str) -> Finding | None:
    """The finding whose centre lies in a nodule, as in LUNA16; at least within 3 mm."""
    if not truth[f"{scan}_label"]:
        return None
    center = [float(truth[f"{scan}_center_{axis}_lps_mm"]) for axis in "xyz"]
    reach = max(0.5 * float(truth[f"{scan}_diameter_mm"]), LEAST_REACH_MM)
    near = [(math.dist(one.center_lps_mm, center), one) for one in findings]
    distance, nearest = min(near, key=lambda item: item[0], default=(math.inf, None))
    return nearest if distance <= reach else None


def change_of(found: FollowUp, before: Finding | None, now: Finding | None) -> NoduleChange | None:
    """What the comparison says of a nodule: by its finding on the current scan, or on the prior."""
    for change in found.nodules:
        if now is not None and change.current and change.current.finding_id == now.id:
            return change
    for change in found.nodules:
        if before is not None and change.prior and change.prior.finding_id == before.id:
            return change
    return None


def outcome(change: NoduleChange | None, before: Finding | None, now: Finding | None) -> str:
    """Whether a nodule that was found on both scans was matched with itself."""
    if before is None or now is None or change is None:
        return "not on both"
    pair = tuple(one and one.finding_id for one in (change.prior, change.current))
    if pair == (before.id, now.id):
        return "matched"
    return "wrong" if None not in pair else "not matched"


def rows_of_pair(
    truths: Sequence[Row], chain: Chain, folder: Path, limits: Repeatability
) -> list[Row]:
    """Analyse both scans, compare them, and look every nodule up."""
    scans = []
    for scan in ("prior", "current"):
        uid = truths[0][f"{scan}_series_uid"]
        (path,) = folder.glob(f"luna16/subset*/{uid}.mhd")
        volume = load_volume(path)
        scans.append(AnalysedScan(volume, chain.analyse(volume)))
    prior, current = scans
    start = time.process_time()
    found = compare(prior, current, limits, float(truths[0]["days"]))
    seconds = time.process_time() - start
    spacings = [scan.volume.geometry.spacing_irc_mm for scan in scans]
    rows = []
    for truth in truths:
        before = found_at(prior.analysis.findings, truth, "prior")
        now = found_at(current.analysis.findings, truth, "current")
        change = change_of(found, before, now)
        doubling = change.doubling_time if change else None
        matched = outcome(change, before, now)
        rows.append({
            **{name: truth[name] for name in ("patient_id", "nodule", "fate", "zone", "days")},
            "growth": truth["growth"],
            "true_prior_mm3": sphere_mm3(truth["prior_diameter_mm"]),
            "true_current_mm3": sphere_mm3(truth["current_diameter_mm"]),
            "prior_id": before.id if before else "",
            "current_id": now.id if now else "",
            "outcome": matched,
            "state": change.state if change else "",
            "ambiguous": int(change.ambiguous) if change else "",
            "prior_mm3": before.volume_mm3 if before else "",
            "current_mm3": now.volume_mm3 if now else "",
            "mean_diameter_mm": before.mean_diameter_mm if before else "",
            "thickest_mm": max(spacing[0] for spacing in spacings),
            "alike": int(np.allclose(spacings[0], spacings[1])),
            "doubling_days": doubling.days if doubling else "",
            "shortest_days": doubling.shortest_days if doubling else "",
            "longest_days": doubling.longest_days if doubling else "",
            "distance_mm": change.distance_mm if change else "",
        })  # fmt: skip
    counts = [len(scan.analysis.findings) for scan in scans]
    print(
        f"{truths[0]['patient_id']}: {counts[0]} and {counts[1]} findings, lungs overlap by"
        f" {found.lung_overlap:.2f}, compared in {seconds:.1f} s of processor time", flush=True
    )  # fmt: skip
    return rows


def sphere_mm3(diameter_mm: str) -> float | str:
    """The volume of a sphere; empty without one."""
    return math.pi / 6 * float(diameter_mm) ** 3 if diameter_mm else ""


def log_error(row: Row) -> float:
    """Logarithm of the measured over the true ratio of the volumes."""
    measured = float(row["current_mm3"]) / float(row["prior_mm3"])
    return math.log(measured * float(row["true_prior_mm3"]) / float(row["true_current_mm3"]))


def matching_lines(rows: Sequence[Row]) -> list[str]:
    """Counts of matched, wrongly matched and unmatched nodules by zone."""
    lines = ["| zone | on both scans | found on both | matched | wrong | not matched |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for zone in (*ZONES, "all"):
        there = [r for r in rows if r["fate"] in ("unchanged", "changed")
                 and zone in (r["zone"], "all")]  # fmt: skip
        outcomes = [r["outcome"] for r in there if r["outcome"] != "not on both"]
        counts = [outcomes.count(name) for name in ("matched", "wrong", "not matched")]
        lines.append(f"| {zone} | {len(there)} | {len(outcomes)} | "
                     + " | ".join(map(str, counts)) + " |")  # fmt: skip
    return lines


def repeatability_lines(rows: Sequence[Row], limits: Repeatability) -> list[str]:
    """Coefficient of variation, limit, and how often the settings' limits hold the truth."""
    matched = [r for r in rows if r["outcome"] == "matched"]
    small: Callable[[Row], bool] = lambda r: float(r["mean_diameter_mm"]) < 8  # noqa: E731
    thin: Callable[[Row], bool] = lambda r: float(r["thickest_mm"]) <= THIN_MM  # noqa: E731
    alike: Callable[[Row], bool] = lambda r: str(r["alike"]) == "1"  # noqa: E731
    lines = [
        "| scans | mean diameter | nodules | coefficient of variation | 95 % limit | held |",
        "|---|---|---|---|---|---|",
    ]
    for name, kind in (
        (f"alike, slices to {THIN_MM:g} mm", lambda r: alike(r) and thin(r)),
        ("alike, thicker slices", lambda r: alike(r) and not thin(r)),
        ("made differently", lambda r: not alike(r)),
    ):
        for size, wanted in (("below 8 mm", True), ("8 mm and more", False)):
            part = [r for r in matched if kind(r) and small(r) == wanted]
            if len(part) < 2:
                lines.append(f"| {name} | {size} | {len(part)} | | | |")
                continue
            errors = np.array([log_error(r) for r in part])
            cv = math.sqrt(float(np.mean(errors**2)) / 2)
            held = sum(
                abs(error) <= limits.limit(float(row["mean_diameter_mm"]))
                for error, row in zip(errors, part, strict=True)
            )
            lines.append(
                f"| {name} | {size} | {len(part)} | {cv:.3f} | {1.96 * math.sqrt(2) * cv:.3f} |"
                f" {held} of {len(part)} |"
            )
    return lines


def doubling_line(rows: Sequence[Row]) -> str:
    """How often a doubling time's interval holds the true one."""
    told = [r for r in rows if r["doubling_days"] and r["outcome"] == "matched"
            and float(r["growth"]) > 1]  # fmt: skip
    held = 0
    for row in told:
        growth = float(row["true_current_mm3"]) / float(row["true_prior_mm3"])
        true = float(row["days"]) * math.log(2) / math.log(growth)
        longest = float(row["longest_days"]) if row["longest_days"] else math.inf
        held += float(row["shortest_days"]) <= true <= longest
    return f"Doubling times of nodules that grew, within their interval: {held} of {len(told)}."


def alone_lines(rows: Sequence[Row]) -> list[str]:
    """What the comparison says of nodules that are on one scan alone."""
    lines = []
    for fate, scan in (("new", "current"), ("vanished", "prior")):
        seen = [r for r in rows if r["fate"] == fate and r[f"{scan}_id"] != ""]
        states = sorted({str(r["state"]) for r in seen})
        counts = ", ".join(f"{s} {sum(r['state'] == s for r in seen)}" for s in states)
        lines.append(f"Of {len(seen)} {fate} nodules that were found: {counts or 'none'}.")
    return lines


def main() -> None:
    """Analyse what is not analysed yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no pair after these")
    given = parser.parse_args()
    table = given.output / "nodules.csv"
    given.output.mkdir(parents=True, exist_ok=True)
    limits, start = load_repeatability(), time.monotonic()
    done = {row["patient_id"] for row in read_rows(table)}
    by_patient: dict[str, list[Row]] = {}
    for row in read_rows(given.pairs / "pairs.csv"):
        by_patient.setdefault(row["patient_id"], []).append(row)
    todo = [truths for patient, truths in by_patient.items() if patient not in done]
    chain = Chain(device="cpu") if todo else None
    for truths in todo:
        if chain is None or time.monotonic() - start > 60 * given.minutes:
            break
        made = rows_of_pair(truths, chain, given.pairs, limits)
        is_new = not table.exists()
        with table.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            if is_new:
                writer.writeheader()
            writer.writerows(made)
    rows = read_rows(table)
    pairs = len({row["patient_id"] for row in rows})
    lines = [
        f"{pairs} pairs, {len(rows)} nodules",
        "",
        *matching_lines(rows),
        "",
        *repeatability_lines(rows, limits),
        "",
        doubling_line(rows),
        *alone_lines(rows),
    ]
    print("\n".join(lines))
    (given.output / "summary.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
