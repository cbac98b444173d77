"""Follow-up on phantom pairs: python benchmarks/follow_pairs.py PAIRS -o OUT.

PAIRS comes from ``nodulus phantom --pairs --format luna16``. Each pair that OUT/nodules.csv does
not have yet is analysed and compared as ``nodulus follow`` does, and each nodule that the phantom
has on both scans, or on one, gets a row. Then, from all rows:

- matching: of the nodules found on both scans how many are matched with each other, with another
  finding, or not at all, by zone;
- repeatability: the coefficient of variation of one measurement, ``sqrt(mean(d^2) / 2)`` with ``d``
  the logarithm of the measured over the true ratio of both volumes (Bland and Altman, BMJ 312:1654,
  1996), by size and acquisition, and 1.96 sqrt(2) of it, the 95 % limit between two measurements;
- bias: the measured over the true volume by size, texture, attachment and slice distance;
- how often the limits of ``configs/repeatability.json`` hold the true ratio, and the interval of a
  doubling time the true one; what is said of nodules that grew, stayed and shrank.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from follow_pairs_picture import draw
from follow_pairs_tables import Row, summary

from nodulus.app.chain import Chain
from nodulus.app.followup.compare import AnalysedScan, compare
from nodulus.app.followup.repeatability import Repeatability, load_repeatability
from nodulus.app.followup.result import FollowUp, NoduleChange
from nodulus.app.reading import load_volume
from nodulus.app.result import Finding

LEAST_REACH_MM = 3.0
GROUND_GLASS, PART_SOLID = 7.0 / 3.0, 11.0 / 3.0
"""Readers' mean texture below which a nodule is one or the other (the LNDb challenge's limits)."""
COLUMNS = (
    "patient_id", "nodule", "fate", "zone", "texture", "attachment", "days", "growth",
    "true_prior_mm3", "true_current_mm3", "prior_id", "current_id", "outcome", "stray", "state",
    "ambiguous", "prior_mm3", "current_mm3", "mean_diameter_mm", "prior_slice_mm",
    "current_slice_mm", "thickest_mm", "alike", "with_interval", "doubling_days", "shortest_days",
    "longest_days", "distance_mm",
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


def is_stray(
    change: NoduleChange | None, before: Finding | None, now: Finding | None, truth: Row
) -> bool:
    """Whether a nodule that was found on one scan alone was matched with something else.

    A finding that overlaps the nodule on the other scan is that nodule, found off its centre.
    """
    if (before is None) == (now is None) or not (change and change.prior and change.current):
        return False
    scan, other = ("current", change.current) if now is None else ("prior", change.prior)
    if not truth[f"{scan}_label"]:
        return True
    center = [float(truth[f"{scan}_center_{axis}_lps_mm"]) for axis in "xyz"]
    reach = 0.5 * (float(truth[f"{scan}_diameter_mm"]) + other.longest_diameter_mm)
    return math.dist(other.center_lps_mm, center) > reach


def analysed(chain: Chain, folder: Path, uid: str, kernel: str) -> AnalysedScan:
    """One scan, with the kernel that its DICOM header would have."""
    (path,) = folder.glob(f"luna16/subset*/{uid}.mhd")
    volume = load_volume(path)
    volume = replace(volume, facts=replace(volume.facts, convolution_kernel=kernel))
    return AnalysedScan(volume, chain.analyse(volume))


def rows_of_pair(
    truths: Sequence[Row], chain: Chain, folder: Path, limits: Repeatability
) -> tuple[FollowUp, list[Row]]:
    """Analyse both scans, compare them, and look every nodule up."""
    kernels = {row["series_uid"]: row["kernel"] for row in read_rows(folder / "studies.csv")}
    made_of = {(row["series_uid"], row["label"]): row for row in read_rows(folder / "nodules.csv")}
    uids = {scan: truths[0][f"{scan}_series_uid"] for scan in ("prior", "current")}
    start = time.process_time()
    prior, current = (analysed(chain, folder, uid, kernels[uid]) for uid in uids.values())
    analysing = time.process_time() - start
    found = compare(prior, current, limits, float(truths[0]["days"]))
    comparing = time.process_time() - start - analysing
    slices = [scan.volume.geometry.spacing_irc_mm[0] for scan in (prior, current)]
    differ = any(warning.code == "acquisitions-differ" for warning in found.warnings)
    rows = []
    for truth in truths:
        before = found_at(prior.analysis.findings, truth, "prior")
        now = found_at(current.analysis.findings, truth, "current")
        change = change_of(found, before, now)
        doubling = change.doubling_time if change else None
        shown = "current" if truth["current_label"] else "prior"
        known = made_of[uids[shown], truth[f"{shown}_label"]]
        rows.append({
            **{name: truth[name] for name in ("patient_id", "nodule", "fate", "zone", "days")},
            "texture": texture(float(known["texture"])),
            "attachment": known["attachment"],
            "growth": truth["growth"],
            "true_prior_mm3": sphere_mm3(truth["prior_diameter_mm"]),
            "true_current_mm3": sphere_mm3(truth["current_diameter_mm"]),
            "prior_id": before.id if before else "",
            "current_id": now.id if now else "",
            "outcome": outcome(change, before, now),
            "stray": int(is_stray(change, before, now, truth)),
            "state": change.state if change else "",
            "ambiguous": int(change.ambiguous) if change else "",
            "prior_mm3": before.volume_mm3 if before else "",
            "current_mm3": now.volume_mm3 if now else "",
            "mean_diameter_mm": min(
                (one.mean_diameter_mm for one in (before, now) if one), default=""
            ),
            "prior_slice_mm": slices[0],
            "current_slice_mm": slices[1],
            "thickest_mm": max(slices),
            "alike": int(not differ),
            "with_interval": int(doubling is not None),
            "doubling_days": doubling.days if doubling else "",
            "shortest_days": doubling.shortest_days if doubling else "",
            "longest_days": doubling.longest_days if doubling else "",
            "distance_mm": change.distance_mm if change else "",
        })  # fmt: skip
    counts = [len(scan.analysis.findings) for scan in (prior, current)]
    print(
        f"{truths[0]['patient_id']}: {counts[0]} and {counts[1]} findings, lungs overlap by"
        f" {found.lung_overlap:.2f}; processor time {analysing:.1f} s to analyse,"
        f" {comparing:.1f} s to compare", flush=True
    )  # fmt: skip
    return found, rows


def texture(rating: float) -> str:
    """The texture of a readers' mean rating, 1 ground glass to 5 solid."""
    if rating < GROUND_GLASS:
        return "ground-glass"
    return "part-solid" if rating < PART_SOLID else "solid"


def sphere_mm3(diameter_mm: str) -> float | str:
    """The volume of a sphere; empty without one."""
    return math.pi / 6 * float(diameter_mm) ** 3 if diameter_mm else ""


def main() -> None:
    """Analyse what is not analysed yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no pair after these")
    parser.add_argument("--picture", type=Path, help="a PNG of volumes and of their ratios")
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
        found, made = rows_of_pair(truths, chain, given.pairs, limits)
        kept = given.output / f"{truths[0]['patient_id']}.json"
        kept.write_text(found.model_dump_json(indent=1), encoding="utf-8")
        is_new = not table.exists()
        with table.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            if is_new:
                writer.writeheader()
            writer.writerows(made)
    rows = read_rows(table)
    lines = summary(rows, limits)
    if given.picture:
        draw(rows, limits, given.picture)
    print("\n".join(lines))
    (given.output / "summary.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
