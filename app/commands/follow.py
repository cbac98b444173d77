"""`nodulus follow`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.chain_options import device_option, models_option, settings_option
from nodulus.app.commands.root import EXIT_FAILED
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.chain import Chain
    from nodulus.app.followup.compare import AnalysedScan
    from nodulus.app.followup.matching_rule import MatchingRule
    from nodulus.app.followup.pair_files import PairOptions
    from nodulus.app.followup.repeatability import Repeatability
    from nodulus.app.followup.result import FollowUp, NoduleChange
    from nodulus.app.followup.scan_header import ScanHeader
    from nodulus.app.results.texts import Language
    from nodulus.app.volume import CtVolume


@click.command("follow")
@click.argument(
    "scans",
    metavar="PRIOR CURRENT | FOLDER",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for results."
)
@models_option
@settings_option
@device_option
@click.option(
    "--days",
    type=click.IntRange(0),
    help="Between the two scans, where their headers have no dates (NIfTI, MetaImage).",
)
@click.option(
    "--report/--no-report", default=True, help="Write follow_up.html: both scans side by side."
)
@click.option(
    "--sr/--no-sr", default=True, help="Write the DICOM structured report, of DICOM scans."
)
@click.option(
    "--language",
    type=click.Choice(["en", "de", "fr", "es"]),
    default="en",
    show_default=True,
    help="Of follow_up.html.",
)
def command(
    scans: tuple[Path, ...],
    output: Path,
    models: Path | None,
    settings: Path | None,
    device: str,
    days: int | None,
    report: bool,
    sr: bool,
    language: Language,
) -> None:
    """Find the nodules of two scans of one patient, match them, and say what has changed.

    Of a FOLDER the scans of each patient are found by PatientID and date, and each is compared with
    the one before. All are analysed with the same networks. Writes a folder in OUT for each
    comparison, named after the current study, with follow_up.json, follow_up.html and
    follow_up_sr.dcm. A comparison of other studies is left alone.

    Exit status: 0 done, 1 a scan could not be analysed or a file not be made, 2 wrong usage.
    """
    from nodulus.app.chain import Chain
    from nodulus.app.followup.matching_rule import load_matching_rule
    from nodulus.app.followup.pair_files import PairOptions, is_complete
    from nodulus.app.followup.repeatability import load_repeatability

    if len(scans) > 2:
        raise click.UsageError("Give two scans, or one folder.")
    if len(scans) == 1 and days is not None:
        raise click.UsageError("--days is between two scans that are both given.")
    limits, rule = load_repeatability(settings), load_matching_rule(settings)
    wanted = PairOptions(report, sr, language)
    if len(scans) == 1:
        complete = _follow_folder(
            scans[0], output, lambda: Chain(models, settings, device), limits, rule, wanted
        )
        if not complete:
            sys.exit(EXIT_FAILED)
        return
    prior, current = (_read(path) for path in scans)
    _same_patient(prior[1], current[1], scans[1])
    _in_order(prior[1], current[1], scans[0])
    folder = _folder(output, current[0])
    chain = Chain(models, settings, device)
    before, now = (_analysed(volume, header, chain) for volume, header in (prior, current))
    written = _publish(before, now, current[1], folder, limits, rule, days, chain, wanted)
    if not is_complete(written):
        sys.exit(EXIT_FAILED)


def _follow_folder(
    folder: Path,
    output: Path,
    load_chain: Callable[[], Chain],
    limits: Repeatability,
    rule: MatchingRule,
    wanted: PairOptions,
) -> bool:
    """Compare each patient's scans, each with the one before."""
    from nodulus.app.followup.find_pairs import find_pairs
    from nodulus.app.followup.pair_files import is_complete
    from nodulus.app.followup.scan_header import ScanHeader, scan_header_of
    from nodulus.app.reading import find_studies

    studies = [study for study in find_studies(folder).studies if study.error is None]
    headers = [
        ScanHeader(None, None)
        if study.chosen is None or isinstance(study.chosen, Path)
        else scan_header_of(study.chosen.slices[0].path)
        for study in studies
    ]
    found = find_pairs(headers)
    for place, reason in found.left_out:
        click.echo(f"  not compared: {studies[place].key}: {reason}", err=True)
    if not found.series:
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            "No patient has two scans of different days here.",
            remedy="Give a folder with scans of one PatientID and different dates, or name the two"
            " scans.",
            subject=folder,
        )
    chain = load_chain()
    complete = True
    for places in found.series:
        before: AnalysedScan | None = None
        for place in places:
            volume = studies[place].load()
            target = None if before is None else _folder(output, volume)
            now = _analysed(volume, headers[place], chain)
            if before is not None and target is not None:
                made = _publish(
                    before, now, headers[place], target, limits, rule, None, chain, wanted
                )
                now = replace(now, tracking_uids=made.tracking_uids())
                complete &= is_complete(made)
            before = now
    return complete


def _folder(output: Path, current: CtVolume) -> Path:
    """Where the comparison goes, asked for before the hours of work."""
    from nodulus.app.followup.pair_folder import check_pair_folder, pair_folder

    folder = pair_folder(output, current.study_uid, current.series_uid)
    check_pair_folder(folder)
    return folder


def _publish(
    before: AnalysedScan,
    now: AnalysedScan,
    header: ScanHeader,
    folder: Path,
    limits: Repeatability,
    rule: MatchingRule,
    days: int | None,
    chain: Chain,
    wanted: PairOptions,
) -> FollowUp:
    from nodulus.app.chain.other_weights import other_weights
    from nodulus.app.followup.compare import compare
    from nodulus.app.followup.pair_files import pair_files
    from nodulus.app.followup.pair_folder import FOLLOW_UP_FILE, publish_follow_up

    models = chain.models.info()
    found = compare(
        before,
        now,
        limits,
        days,
        models,
        chain.settings.operating_points.listed(),
        rule,
    )
    doubts = other_weights(models, chain.settings.operating_points)
    found = found.model_copy(update={"warnings": (*found.warnings, *doubts)})
    found, files = pair_files(before, now, found, wanted)
    patient_id = header.patient[0] if header.patient else None
    written = publish_follow_up(folder, found, files, patient_id)
    for line in _lines(found):
        click.echo(line)
    click.echo(f"  {written / FOLLOW_UP_FILE}")
    return found


def _read(path: Path) -> tuple[CtVolume, ScanHeader]:
    from nodulus.app.followup.scan_header import read_scan_header
    from nodulus.app.reading import load_volume

    volume = load_volume(path)
    return volume, read_scan_header(volume)


def _analysed(volume: CtVolume, header: ScanHeader, chain: Chain) -> AnalysedScan:
    from nodulus.app.followup.compare import AnalysedScan

    return AnalysedScan(volume, chain.analyse(volume), header.acquired)


def _same_patient(prior: ScanHeader, current: ScanHeader, subject: Path) -> None:
    """Refuse two scans that say they are of two patients."""
    if None not in (prior.patient, current.patient) and prior.patient != current.patient:
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            "PatientID or its issuer is not that of the prior scan.",
            remedy="Give two scans of one patient; where both are of one, correct PatientID.",
            subject=subject,
        )


def _in_order(prior: ScanHeader, current: ScanHeader, subject: Path) -> None:
    """Refuse a prior scan that was made after the current one."""
    if prior.acquired and current.acquired and current.acquired < prior.acquired:
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            "This scan was made after the current one.",
            remedy="Give the earlier scan first.",
            subject=subject,
        )


def _lines(found: FollowUp) -> list[str]:
    days = f"{found.days:.0f} days" if found.days is not None else "an unknown time"
    lines = [f"{len(found.nodules)} nodules, {days} apart"]
    lines += [f"  {_line(one)}" for one in found.nodules]
    return [*lines, *(f"  warning: {one.message}" for one in found.warnings)]


def _line(change: NoduleChange) -> str:
    ids = "/".join(str(scan.finding_id) if scan else "-" for scan in (change.prior, change.current))
    words = [f"{ids:>7}  {change.state:<16}"]
    sizes = [
        f"{scan.mean_diameter_mm:.1f} mm, {scan.volume_mm3:.0f} mm3"
        for scan in (change.prior, change.current)
        if scan
    ]
    words.append(" -> ".join(sizes))
    if change.volume_change_share is not None:
        words.append(f"{change.volume_change_share:+.0%}")
    if change.doubling_time is not None and change.doubling_time.days is not None:
        time = change.doubling_time
        longest = f"{time.longest_days:.0f}" if time.longest_days is not None else "no growth"
        words.append(f"doubles in {time.days:.0f} days ({time.shortest_days:.0f} to {longest})")
    if change.merged_with is not None:
        words.append(f"now in finding {change.merged_with}")
    if change.other_scan is not None:
        words.append(_trace(change))
    if change.reason:
        words.append(change.reason)
    if change.ambiguous:
        words.append("ambiguous match")
    return "  ".join(words)


def _trace(change: NoduleChange) -> str:
    trace = change.other_scan
    if trace is None or not trace.inside_scan:
        return "its place is outside of the other scan"
    seen = "visible there, below the threshold" if trace.below_threshold else "not visible there"
    return f"{seen} (segmentation {trace.segmentation_probability:.2f})"
