"""`nodulus decisions`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.errors import ErrorCode, NodulusError, not_writable

if TYPE_CHECKING:
    from nodulus.app.review.agreement import Agreement
    from nodulus.app.review.double_reading import FirstReads
    from nodulus.app.review.reader_agreement import ReaderAgreement
    from nodulus.app.review.review_state import ReviewedStudy


@click.command("decisions")
@click.argument(
    "results", metavar="RESULTS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the files."
)
@click.option(
    "--database",
    metavar="URL",
    envvar="NODULUS_REVIEW_DATABASE",
    help="SQLAlchemy URL of the decisions; default: review.sqlite in each folder of results.",
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="Folder with review.json of your own, as nodulus review was given it.",
)
def command(
    results: tuple[Path, ...], output: Path, database: str | None, settings: Path | None
) -> None:
    """Turn the signed-off reviews of RESULTS into training data and a report of agreement.

    RESULTS are folders that nodulus detect wrote and nodulus review has decisions on. Writes
    nodules.csv, candidates.csv and series.txt, which nodulus prepare folder reads, findings.csv,
    and agreement.json: the chain against its readers by version and month, and two readers who read
    the same studies against each other. Of studies with two readers the adjudicated state counts.

    Exit status: 0 done, 1 nothing is signed off or the files cannot be written, 2 wrong usage.
    """
    from nodulus.app.commands.packages import require_packages
    from nodulus.app.commands.review import PACKAGES

    require_packages(PACKAGES, "review")
    from nodulus.app.review.agreement import agreement, by_month, by_version
    from nodulus.app.review.exports.decision_tables import encode_findings
    from nodulus.app.review.exports.training_tables import training_tables
    from nodulus.app.review.reader_agreement import by_readers, reader_agreement
    from nodulus.bundles.common.atomic_files import atomic_write

    reviewed, twice = _signed_off(results, database, settings)
    tables = training_tables(reviewed)
    versions = by_version(reviewed)
    compared: dict[str, Any] = {
        "all": agreement(reviewed).as_dict(),
        "by_version": {name: a.as_dict() for name, a in versions.items()},
        "by_month": {name: a.as_dict() for name, a in by_month(reviewed).items()},
    }
    readers = reader_agreement(twice)
    if twice:
        compared["between_readers"] = {
            "all": readers.as_dict(),
            "by_readers": {name: a.as_dict() for name, a in by_readers(twice).items()},
        }
    files = {
        "nodules.csv": tables.nodules,
        "candidates.csv": tables.candidates,
        "series.txt": tables.series,
        "findings.csv": encode_findings(reviewed),
        "agreement.json": (json.dumps(compared, indent=2) + "\n").encode(),
    }
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with atomic_write(output / name) as part:
                part.write_bytes(content)
    except OSError as error:
        raise not_writable(output, error) from error
    for version, found in versions.items():
        click.echo(f"{version}: {_words(found)}")
    if twice:
        click.echo(f"between readers: {_words_between(readers)}")
    if tables.unsure:
        click.echo(
            f"{tables.unsure} with a finding that is unsure: not in the training data, where it"
            " would count as background."
        )
    for name in files:
        click.echo(f"  {output / name}")


def _signed_off(
    results: tuple[Path, ...], database: str | None, settings: Path | None
) -> tuple[list[ReviewedStudy], list[FirstReads]]:
    """Each result with the state of its review; and both first readings where there are two."""
    from nodulus.app.review.database import Database
    from nodulus.app.review.double_reading import final_state, first_reads, logs_by_reader
    from nodulus.app.review.reading_rule import reading_rule
    from nodulus.app.review.result_folders import check_results, read_folder, study_folders
    from nodulus.app.review.store import DATABASE_FILE, Store, analysis_name

    check_results(results)
    rule = reading_rule(settings)
    shared = None if database is None else Store(Database(database))
    found: list[ReviewedStudy] = []
    twice: list[FirstReads] = []
    for path in results:
        sources = [s for folder in study_folders(path) if (s := read_folder(folder)) is not None]
        root = sources[0].folder.parent if sources else path
        if shared is None and not (root / DATABASE_FILE).is_file():
            continue
        store = Store.in_folder(root) if shared is None else shared
        try:
            readings = store.readings([analysis_name(source.result) for source in sources])
        finally:
            if shared is None:
                store.close()
        for source in sources:
            logs = logs_by_reader(readings.get(analysis_name(source.result), {}), rule)
            state = final_state(source.result, logs)
            if state is None or state.signed_off is None:
                continue
            found.append((source.result, state))
            if (both := first_reads(source.result, logs)) is not None:
                twice.append(both)
    if shared is not None:
        shared.close()
    if not found:
        raise NodulusError(
            ErrorCode.NOT_SIGNED_OFF,
            "No study here is signed off.",
            remedy="Decide on every finding of a study with nodulus review, and sign it off.",
            subject=results[0],
        )
    return found, twice


def _words_between(found: ReaderAgreement) -> str:
    words = [f"{found.studies} adjudicated", f"{found.findings} findings of the chain"]
    if found.kappa is not None:
        words.append(f"Cohen's kappa {found.kappa:.2f}")
    if found.kappa_interval is not None:
        words[-1] += " ({:.2f} to {:.2f})".format(*found.kappa_interval)
    words.append(f"{found.added_by_both} of {found.added} added nodules by both")
    return "; ".join(words)


def _words(found: Agreement) -> str:
    counts = f"{found.accepted} accepted, {found.rejected} rejected, {found.unsure} unsure"
    words = [f"{found.studies} signed off", f"{counts}, {found.missed} added"]
    if found.sensitivity is not None:
        s = found.sensitivity
        words.append(f"sensitivity {s.value:.2f} ({s.lower:.2f} to {s.upper:.2f})")
    if found.other_marks_a_scan is not None:
        words.append(f"{found.other_marks_a_scan:.1f} other marks a scan")
    if found.malignancy_auc is not None:
        a = found.malignancy_auc
        words.append(f"malignancy AUC {a.value:.2f} ({a.lower:.2f} to {a.upper:.2f})")
    return "; ".join(words)
