"""`nodulus evaluate findings`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nodulus.app.commands.evaluate import options
from nodulus.app.commands.figures_file import write_figures


@click.command("findings")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--nodules",
    required=True,
    type=click.Path(path_type=Path),
    help="nodules.csv of a phantom, annotations.csv in LUNA16's form, or DICOM SR or .mrk.json of"
    " 3D Slicer.",
)
@options.excluded_places
@options.bootstrap
@options.confidence
@options.seed
@options.json_file
def findings(
    results: Path,
    nodules: Path,
    excluded: Path | None,
    bootstrap: int,
    confidence: float,
    seed: int,
    json_file: Path | None,
) -> None:
    """What became of each nodule in RESULTS, which `nodulus detect` wrote.

    A finding hits a nodule if it is closer to its centre than its radius, LUNA16's rule.
    """
    from nodulus.app.evaluation.chain_report import chain_report
    from nodulus.app.evaluation.truth import read_matched_scans

    found = chain_report(
        read_matched_scans(results, nodules, excluded), bootstrap, confidence, seed
    )
    for line in _lines(found):
        click.echo(line)
    write_figures(json_file, found)


def _lines(found: dict[str, Any]) -> list[str]:
    lines = _groups(found["rows"])
    for table in found["chain"]:
        lines += ["", *_table(table)]
    lines += [
        "",
        f"scans {found['scans']}",
        f"false positives a scan {found['false_positives_per_scan']:.2f}",
        f"false candidates a scan {found['false_candidates_per_scan']:.2f}",
    ]
    froc = found["froc"]
    if froc is not None:
        bounds = froc.get("bootstrap", {}).get("cpm")
        lines.append(f"CPM {_estimate({'value': froc['cpm'], **(bounds or {})})}")
        lines += [
            f"  at {r:>5} false positives a scan {v:.3f}" for r, v in froc["sensitivity"].items()
        ]
    malignancy = found["malignancy"]
    lines.append(
        f"malignancy AUC {_estimate(malignancy['auc'])}, {malignancy['malignant']} malignant and"
        f" {malignancy['benign']} benign found"
    )
    for name, own in (
        ("nodule probability", found["nodule_calibration"]),
        ("malignancy probability", malignancy["calibration"]),
    ):
        if own is not None:
            lines.append(
                f"{name}: mean {own['mean_probability']:.3f}, true {own['share_positive']:.3f},"
                f" Brier score {own['brier']:.3f},"
                f" calibration error {own['expected_calibration_error']:.3f}"
            )
    big = found["malignant_6_mm_and_more"]
    lines += [
        f"malignant nodules of 6 mm and more: {big['nodules']}",
        f"  found at the operating point {_estimate(big['found_at_operating_point'])}",
        f"  and called malignant {_estimate(big['called_malignant_at_operating_point'])}",
        f"  found at 1 false positive a scan {_estimate(big['found_at_1_false_positive_a_scan'])}",
    ]
    return lines


def _groups(rows: list[dict[str, Any]]) -> list[str]:
    width = max(len(row["group"]) for row in rows)
    return [
        f"{row['group']:<{width}}  {_estimate(row['sensitivity']):<24}"
        f"  {row['found']}/{row['nodules']} found, {row['seen']} seen"
        for row in rows
        if row["nodules"]
    ]


def _table(table: dict[str, Any]) -> list[str]:
    columns = ("missed", "filtered_out", "predicted_benign", "predicted_malignant")
    width = max(len(name) for name in ("undecided or not rated", table["group"]))
    lines = ["  ".join([f"{table['group']:<{width}}", *(c.replace("_", " ") for c in columns)])]
    for name, row in table["rows"].items():
        if name == "undecided or not rated" and not any(row.values()):
            continue
        cells = ("-" if row[c] is None else str(row[c]) for c in columns)
        lines.append(
            "  ".join(
                [
                    f"{name:<{width}}",
                    *(f"{v:>{len(c)}}" for c, v in zip(columns, cells, strict=True)),
                ]
            )
        )
    return lines


def _estimate(value: dict[str, float] | None) -> str:
    if value is None:
        return "none"
    between = f" ({value['lower']:.3f} to {value['upper']:.3f})" if "lower" in value else ""
    return f"{value['value']:.3f}{between}"
