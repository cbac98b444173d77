"""`nodulus evaluate scans`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.chain_options import device_option, models_option, settings_option
from nodulus.app.commands.evaluate import options
from nodulus.app.commands.root import EXIT_FAILED
from nodulus.app.errors import ErrorCode, NodulusError, not_writable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from nodulus.app.evaluation.scans.lesion_rows import ScanOfKnown
    from nodulus.app.evaluation.scans.scan_table import ScanRow
    from nodulus.app.evaluation.scans.training_patients import LearntFrom
    from nodulus.app.reading import StudyInput

REPORT_FILE, LESIONS_FILE, SCANS_FILE = "report.json", "lesions.csv", "scans.csv"


@click.command("scans")
@click.argument("source", metavar="SCANS", type=click.Path(path_type=Path))
@click.option(
    "--lesions",
    type=click.Path(path_type=Path),
    help="annotations.csv in LUNA16's form, nodules.csv, DICOM SR, .mrk.json of 3D Slicer, XML"
    " of LIDC-IDRI; default: what the masks outline.",
)
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    help="Folder with DICOM SEG or RTSTRUCT, or XML of LIDC-IDRI, or label images and .seg.nrrd of"
    " 3D Slicer named like the scans.",
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help="CSV of the scans: seriesuid,patient,marked (complete or partly),use (training,"
    " validation or test).",
)
@click.option(
    "--patient",
    "patients",
    multiple=True,
    help="Only the scans of this patient of the table; may be given several times.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for results; scans that were done before with the same of everything are kept.",
)
@models_option
@settings_option
@device_option
@options.confidence
def scans(
    source: Path,
    lesions: Path | None,
    masks: Path | None,
    table: Path | None,
    patients: tuple[str, ...],
    output: Path,
    models: Path | None,
    settings: Path | None,
    device: str,
    confidence: float,
) -> None:
    """Run the chain on SCANS and compare it with their known lesions.

    Writes report.json, lesions.csv, scans.csv, and a folder a scan with its findings.json, which
    `nodulus evaluate operating-points` reads.

    Exit status: 0 all scans done, 1 some could not be analysed, 2 wrong usage.
    """
    if lesions is None and masks is None:
        raise click.UsageError("give --lesions, --masks or both")
    from rich.console import Console

    from nodulus.app.evaluation.scans.scan_report import scan_report, scan_rows
    from nodulus.app.evaluation.scans.training_patients import learnt_from

    errors = Console(stderr=True, highlight=False)
    known, failed = _analyse(
        source, lesions, masks, table, patients, output, models, settings, device, errors
    )
    if not known:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            "no scan could be analysed.",
            remedy="See the errors above.",
            subject=source,
        )
    seen = learnt_from((scan.facts for scan in known), models)
    known = [_with_networks(scan, seen) for scan in known]
    report = {
        **scan_report(known, confidence),
        "learnt_from": {uid: list(names) for uid, names in seen.networks.items() if names},
        "without_record": list(seen.without_record),
    }
    _write(output, report, known)
    for line in (*_lines(report), *_learnt_lines(scan_rows(known), seen)):
        click.echo(line)
    if failed:
        sys.exit(EXIT_FAILED)


def _analyse(
    source: Path,
    lesions: Path | None,
    masks: Path | None,
    table: Path | None,
    patients: tuple[str, ...],
    output: Path,
    models: Path | None,
    settings: Path | None,
    device: str,
    errors: Console,
) -> tuple[list[ScanOfKnown], bool]:
    """The scans with their truth, and whether any failed."""
    from nodulus.app.chain import load_models, load_settings
    from nodulus.app.commands.progress import StudyProgress
    from nodulus.app.evaluation.scans.lesion_rows import match_known, outlined_lesions
    from nodulus.app.evaluation.scans.run_scans import run_scans
    from nodulus.app.evaluation.scans.scan_table import read_scan_table, row_of
    from nodulus.app.evaluation.truth import read_lesions
    from nodulus.app.reading import Archives, find_studies

    truth = None if lesions is None else read_lesions(lesions, [source])
    facts = read_scan_table(table)
    chosen = load_settings(settings, models)
    known = []
    with StudyProgress(errors) as progress, Archives() as archives:
        progress.task("looking for scans")
        discovery = find_studies(source, progress.files, archives)
        if patients:
            own = (s for s in discovery.studies if _patient(s, facts) in patients)
            discovery = replace(discovery, studies=tuple(own))
        loaded = load_models(models, device, chosen.pipeline.precision)
        problems = list(discovery.problems)
        try:
            done = run_scans(discovery, output, loaded, chosen, masks, progress.study)
            for outcome in done:
                if isinstance(outcome, NodulusError):
                    problems.append(outcome)
                    continue
                uid = outcome.result.series_uid
                lesions_of = outlined_lesions(outcome) if truth is None else truth
                known.append(match_known(outcome, row_of(uid, facts), lesions_of))
        except OSError as error:
            raise not_writable(output, error) from error
    for problem in problems:
        errors.print(f"error: {problem}", style="red", markup=False, soft_wrap=True)
    return known, bool(problems)


def _patient(study: StudyInput, facts: Mapping[str, ScanRow]) -> str:
    from nodulus.app.evaluation.scans.lesion_masks import series_of
    from nodulus.app.evaluation.scans.scan_table import row_of

    return row_of(series_of(study), facts).patient


def _with_networks(scan: ScanOfKnown, seen: LearntFrom) -> ScanOfKnown:
    return replace(scan, learnt_from=seen.networks.get(scan.facts.series_uid, ()))


def _write(output: Path, report: dict[str, Any], known: Sequence[ScanOfKnown]) -> None:
    from nodulus.app.evaluation.scans.lesion_rows import LesionRow, lesion_rows
    from nodulus.app.evaluation.scans.scan_report import scan_rows
    from nodulus.bundles.common.atomic_files import write_table, write_text

    lesions, scans_of = lesion_rows(known), scan_rows(known)
    try:
        write_table(
            output / LESIONS_FILE, [f.name for f in fields(LesionRow)], map(asdict, lesions)
        )
        write_table(output / SCANS_FILE, scans_of[0], scans_of)
        write_text(output / REPORT_FILE, json.dumps(report, indent=2) + "\n")
    except OSError as error:
        raise not_writable(output, error) from error


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [f"{'lesions':<16}{'in all':>7}{'seen':>6}{'found':>7}{'as one':>8}"]
    lines += [
        f"{row['group']:<16}{row['lesions']:>7}{row['seen']:>6}{row['found']:>7}"
        f"{row['one_finding']:>8}"
        for row in report["sizes"]
        if row["lesions"]
    ]
    lines += [
        f"mass of {m['diameter_mm']:.0f} mm in {m['seriesuid']}: {_mass_words(m)}"
        for m in report["masses"]
    ]
    for key, words in (("complete", "complete"), ("partly_marked", "partly marked")):
        lines += _marks_lines(report[key], words)
    outlines = report["outlines"]
    if outlines is not None:
        lines.append(
            f"outlines of {outlines['lesions']} lesions: Dice {outlines['mean_dice']:.2f} (mean),"
            f" {outlines['median_dice']:.2f} (median), volume error"
            f" {outlines['median_relative_volume_error']:+.0%} (median),"
            f" {outlines['median_absolute_relative_volume_error']:.0%} (median size)"
        )
    return lines


def _mass_words(mass: dict[str, Any]) -> str:
    if not mass["findings"]:
        return "missed"
    one = "" if mass["one_finding"] else ", not as one of at least half its diameter"
    count = mass["findings"]
    return (
        f"{count} finding{'' if count == 1 else 's'}, rank {mass['rank']},"
        f" largest {mass['largest_diameter_mm']:.0f} mm{one}"
    )


def _marks_lines(marks: dict[str, Any] | None, words: str) -> list[str]:
    if marks is None:
        return []
    count = marks["scans"]
    line = (
        f"{count} {words} scan{'' if count == 1 else 's'}:"
        f" {marks['other_marks_per_scan']:.2f} other marks a scan (at most"
        f" {marks['most_other_marks']}), {marks['other_candidates_per_scan']:.1f} other candidates"
    )
    lines, froc = [line], marks["froc"]
    if froc is not None:
        rates = ", ".join(f"{n:.1f} at {rate}" for rate, n in froc["found"].items())
        lines.append(f"  of {froc['lesions']} lesions found at other marks a scan: {rates}")
    return lines


def _learnt_lines(rows: Sequence[dict[str, Any]], seen: LearntFrom) -> list[str]:
    own = [row for row in rows if row["learnt_from"]]
    lines = [f"training data of {row['learnt_from']}: {row['seriesuid']}" for row in own]
    if seen.without_record:
        lines.append(
            "not known whether these scans were training data, for no list of patients lies beside"
            f" the weights: {', '.join(seen.without_record)}"
        )
    return lines
