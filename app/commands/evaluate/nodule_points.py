"""`nodulus evaluate nodule-points`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.commands.evaluate import options
from nodulus.app.commands.evaluate.points_file import write_pipeline, write_points
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.evaluation.nodule_points import NodulePoints
    from nodulus.app.evaluation.scans.lesion_rows import ScanOfKnown


@click.command("nodule-points")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--lesions",
    required=True,
    type=click.Path(path_type=Path),
    help="Their known lesions, as `nodulus evaluate scans` takes them.",
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help="CSV of the scans, as `nodulus evaluate scans` takes it; test scans are left out.",
)
@click.option(
    "--phantoms",
    type=click.Path(path_type=Path),
    help="Results of `nodulus detect` for phantoms, for what the real scans lack.",
)
@click.option(
    "--phantom-nodules", type=click.Path(path_type=Path), help="The phantoms' nodules.csv."
)
@click.option(
    "--phantom-excluded", type=click.Path(path_type=Path), help="The phantoms' findings.csv."
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="Folder with the settings that the new ones are made from; default: the shipped ones.",
)
@options.points_file
def nodule_points(
    results: tuple[Path, ...],
    lesions: Path,
    table: Path | None,
    phantoms: Path | None,
    phantom_nodules: Path | None,
    phantom_excluded: Path | None,
    settings: Path | None,
    output: Path,
) -> None:
    """Choose pooling, calibration and the three named points on RESULTS of real scans.

    RESULTS are folders of `nodulus evaluate scans`: one, or one for each fold of a
    cross-validation, each with the scans that its networks have not learnt from. A scan in two of
    them is an error. pipeline.json is written beside the points.
    """
    from nodulus.app.chain.settings import load_settings
    from nodulus.app.evaluation.nodule_points import choose_nodule_points
    from nodulus.app.evaluation.truth import read_matched_scans

    if (phantoms is None) != (phantom_nodules is None):
        raise click.UsageError("Give --phantoms with --phantom-nodules.")
    chosen = load_settings(settings)
    try:
        scans = _scans(results, lesions, table)
        made = (
            read_matched_scans(phantoms, phantom_nodules, phantom_excluded)
            if phantoms is not None and phantom_nodules is not None
            else ()
        )
        points = choose_nodule_points(scans, chosen.operating_points, made)
    except ValueError as error:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            f"the operating points cannot be chosen: {error}.",
            remedy="Give results of scans with known lesions, some of them completely marked.",
            subject=results[0],
        ) from error
    for line in _lines(points):
        click.echo(line)
    write_points(output, points.points)
    share = {"segmentation_share": points.pooling.share}
    write_pipeline(output.with_name("pipeline.json"), chosen.pipeline.model_copy(update=share))


def _scans(results: tuple[Path, ...], lesions: Path, table: Path | None) -> list[ScanOfKnown]:
    from nodulus.app.evaluation.match_results import read_results
    from nodulus.app.evaluation.scans.lesion_rows import match_known
    from nodulus.app.evaluation.scans.run_scans import ScanResult
    from nodulus.app.evaluation.scans.scan_table import read_scan_table, row_of
    from nodulus.app.evaluation.truth import read_lesions

    truth, facts = read_lesions(lesions), read_scan_table(table)
    found: dict[str, ScanOfKnown] = {}
    for folder in results:
        for result in read_results(folder):
            own = row_of(result.series_uid, facts)
            if own.use == "test":
                continue
            if own.series_uid in found:
                raise ValueError(f"{own.series_uid} is in two of the folders")
            scan = ScanResult(result, (), was_kept=True)
            found[own.series_uid] = match_known(scan, own, truth)
    return list(found.values())


def _lines(points: NodulePoints) -> list[str]:
    from nodulus.app.evaluation.share_by_lesions import RATES

    pooling = points.pooling
    shares = ", ".join(f"{share:g}: {value:.3f}" for share, value in pooling.mean_found.items())
    lines = [
        f"segmentation_share {pooling.share:g} (mean share found by share {shares})",
        "chosen without a patient: "
        + ", ".join(f"{share:g}" for share in pooling.by_patient.values()),
        f"of {pooling.lesions} lesions found at other marks a scan: "
        + ", ".join(f"{rate:g}" for rate in RATES),
    ]
    lines += [
        f"  {name:<14}" + "  ".join(f"{value:5.1f}" for value in found)
        for name, found in pooling.found.items()
    ]
    for name, (complete, partly) in points.left_out.items():
        lines.append(
            f"{name}, each patient left out: {complete} (completely marked); {partly} (partly)"
        )
    return lines
