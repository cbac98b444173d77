"""`nodulus follow`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.chain_options import device_option, models_option, settings_option
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.chain import Chain
    from nodulus.app.followup.compare import AnalysedScan
    from nodulus.app.followup.result import FollowUp, NoduleChange
    from nodulus.app.followup.scan_header import ScanHeader
    from nodulus.app.volume import CtVolume


@click.command("follow")
@click.argument("prior", metavar="PRIOR", type=click.Path(path_type=Path))
@click.argument("current", metavar="CURRENT", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for results."
)
@models_option
@settings_option
@device_option
@click.option(
    "--days",
    type=click.IntRange(0),
    help="Between the scans, where their headers have no dates (NIfTI, MetaImage).",
)
def command(
    prior: Path,
    current: Path,
    output: Path,
    models: Path | None,
    settings: Path | None,
    device: str,
    days: int | None,
) -> None:
    """Find the nodules of two scans of one patient, match them, and say what has changed.

    Both scans are analysed with the same networks. Writes a folder in OUT, named after the current
    study, with follow_up.json. A comparison of other studies is left alone.

    Exit status: 0 done, 1 a scan could not be analysed, 2 wrong usage.
    """
    from nodulus.app.chain import Chain
    from nodulus.app.followup.compare import compare
    from nodulus.app.followup.pair_folder import (
        FOLLOW_UP_FILE,
        check_pair_folder,
        pair_folder,
        publish_follow_up,
    )
    from nodulus.app.followup.repeatability import load_repeatability

    read = [_read(path) for path in (prior, current)]
    before, now = (header for _, header in read)
    _same_patient(before, now, current)
    _in_order(before, now, prior)
    latest = read[1][0]
    folder = pair_folder(output, latest.study_uid, latest.series_uid)
    check_pair_folder(folder)
    chain = Chain(models, settings, device)
    scans = [_analysed(volume, header, chain) for volume, header in read]
    found = compare(scans[0], scans[1], load_repeatability(_own(settings)), days)
    patient_id = now.patient[0] if now.patient else None
    written = publish_follow_up(folder, found, {}, patient_id)
    for line in _lines(found):
        click.echo(line)
    click.echo(f"  {written / FOLLOW_UP_FILE}")


def _own(settings: Path | None) -> Path | None:
    """The folder of settings, where it has limits of agreement of its own."""
    from nodulus.app.followup.repeatability import REPEATABILITY_FILE

    return settings if settings and (settings / REPEATABILITY_FILE).is_file() else None


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
