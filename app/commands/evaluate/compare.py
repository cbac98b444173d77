"""`nodulus evaluate compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from nodulus.app.commands.evaluate import options
from nodulus.app.commands.figures_file import write_figures

LISTED = 20
"""So many of the lesions that one run alone found are printed; --json has all."""

_NAMES = {
    "sensitivity_at_operating_point": "sensitivity at the operating point",
    "other_marks_per_scan_at_operating_point": "other marks a scan there",
}


@click.command("compare")
@click.argument("first", metavar="RESULTS_A", type=click.Path(path_type=Path))
@click.argument("second", metavar="RESULTS_B", type=click.Path(path_type=Path))
@click.option(
    "--nodules",
    "--lesions",
    "nodules",
    required=True,
    type=click.Path(path_type=Path),
    help="nodules.csv of a phantom or training cache, annotations.csv in LUNA16's form, or DICOM SR"
    " or .mrk.json of 3D Slicer.",
)
@options.excluded_places
@options.bootstrap
@options.confidence
@options.seed
@options.json_file
def compare(
    first: Path,
    second: Path,
    nodules: Path,
    excluded: Path | None,
    bootstrap: int,
    confidence: float,
    seed: int,
    json_file: Path | None,
) -> None:
    """Compare two versions on the same scans: RESULTS_B against RESULTS_A.

    Both are folders that `nodulus detect` or `nodulus evaluate scans` wrote. Differences are B - A,
    with intervals of a paired bootstrap over the scans; malignancy AUCs by DeLong's paired test.
    """
    from nodulus.app.evaluation.compare_runs import compare_runs
    from nodulus.app.evaluation.truth import read_matched_scans

    runs = [read_matched_scans(folder, nodules, excluded) for folder in (first, second)]
    found = compare_runs(runs[0], runs[1], bootstrap, confidence, seed)
    for line in _lines(found, (first, second)):
        click.echo(line)
    write_figures(json_file, found)


def _lines(found: Mapping[str, Any], folders: tuple[Path, Path]) -> list[str]:
    lines = []
    for name, folder, models in zip("AB", folders, found["models"], strict=True):
        networks = ", ".join(f"{m['name']} {m['version']} ({m['sha256'][:8]})" for m in models)
        lines.append(f"{name}  {folder}: {networks or 'no network is named'}")
    lines += [f"{found['scans']} scans, {found['lesions']} lesions", ""]
    lines += [*_found_table(found["found"]), "", *_measures_table(found)]
    return [*lines, *_differing(found["differing_lesions"])]


def _found_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    columns = {"lesions": "lesions", "both": "both", "only_first": "only A",
               "only_second": "only B", "neither": "neither"}  # fmt: skip
    title = "found at the operating point by"
    width = max(len(title), *(len(row["group"]) for row in rows))
    lines = ["  ".join([f"{title:<{width}}", *columns.values()])]
    for row in rows:
        if row["lesions"]:
            cells = (f"{row[key]:>{len(name)}}" for key, name in columns.items())
            lines.append("  ".join([f"{row['group']:<{width}}", *cells]))
    return lines


def _measures_table(found: Mapping[str, Any]) -> list[str]:
    rows = [(_measure_name(key), own, "") for key, own in found["measures"].items()]
    malignancy = found["malignancy"]
    auc = malignancy["auc"]
    of = f"{malignancy['malignant']} malignant and {malignancy['benign']} benign lesions"
    if auc is not None:
        p = auc["p_value"]
        rows.append(("malignancy AUC", auc, "  no test" if p is None else f"  p {p:.3g}"))
    width = max(len(name) for name, _, _ in rows)
    lines = [f"{'':<{width}}  {'A':>6}  {'B':>6}  B - A"]
    for name, own, more in rows:
        gap = _gap(own["difference"])
        lines.append(f"{name:<{width}}  {own['first']:>6.3f}  {own['second']:>6.3f}  {gap}{more}")
    lines.append(
        f"malignancy: {of} were found by both"
        + ("; without both kinds there is no AUC" if auc is None else "")
    )
    return lines


def _measure_name(key: str) -> str:
    return _NAMES.get(key) or f"sensitivity at {key.rpartition('_')[2]} other marks a scan"


def _gap(value: Mapping[str, float]) -> str:
    between = f" ({value['lower']:+.3f} to {value['upper']:+.3f})" if "lower" in value else ""
    return f"{value['value']:+.3f}{between}"


def _differing(lesions: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for row in lesions[:LISTED]:
        place = ", ".join(f"{value:.1f}" for value in row["center_lps_mm"])
        lines.append(
            f"only {'A' if row['first'] else 'B'}: {row['series_uid']} at ({place}),"
            f" {row['diameter_mm']:.1f} mm"
        )
    if len(lesions) > LISTED:
        lines.append(f"and {len(lesions) - LISTED} more, see --json")
    return ["", *lines] if lines else []
