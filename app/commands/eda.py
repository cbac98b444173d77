"""`nodulus eda`: a report of what is in the training data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.errors import ErrorCode, NodulusError, not_writable

if TYPE_CHECKING:
    from nodulus.app.data.eda.known_facts import KnownFacts
    from nodulus.app.data.eda.scan_facts import ScanFacts
    from nodulus.app.data.eda.suspicions import Suspicion
    from nodulus.bundles.common.data.studies import Study


@click.command(name="eda")
@click.argument("folders", metavar="CACHE...", nargs=-1, required=True,
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The report, one HTML file.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Also write the same numbers here.")  # fmt: skip
@click.option("--splits-file", type=click.Path(dir_okay=False, path_type=Path),
              help="Default: splits.json in the first folder, else the default split.")  # fmt: skip
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1),
              help="Processes that read scans.")  # fmt: skip
def command(
    folders: tuple[Path, ...],
    output: Path,
    json_file: Path | None,
    splits_file: Path | None,
    workers: int,
) -> None:
    """Show what is in the training data of CACHE.

    CACHE is what `nodulus prepare` or `nodulus phantom` wrote, or LUNA16 as downloaded. The report
    has counts, sizes, malignancy, positions, the balance of classes and of the split, duplicates,
    and suspicious cases with pictures. Nothing in CACHE is changed. What was measured is kept
    beside the report, in its .facts.jsonl; a run that was stopped goes on from there.
    """
    # Slow to import, and `nodulus --help` needs none of it.
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    from nodulus.app.data.eda.known_facts import KnownFacts
    from nodulus.app.data.eda.split_balance import patient_sides
    from nodulus.app.data.eda.survey import survey
    from nodulus.bundles.common.atomic_files import write_text
    from nodulus.bundles.common.data.studies import read_data_dir

    try:
        from nodulus.app.data.eda.key_slices import draw_pictures
        from nodulus.app.data.eda.page import build_page
    except ImportError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING, f"A package is missing: {error.name}.",
            remedy="Install it with: pip install 'nodulus[train]'.",
        ) from error  # fmt: skip
    try:
        studies = [study for folder in folders for study in read_data_dir(folder)]
        sides, source = patient_sides(studies, splits_file, folders[0])
    except (OSError, ValueError) as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE, f"The data cannot be read: {error}.",
            remedy="Give a folder that `nodulus prepare` or `nodulus phantom` wrote.",
            subject=folders[0],
        ) from error  # fmt: skip
    columns = (SpinnerColumn(), *Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("Scans", total=len(studies))
        looks = []
        try:
            known = KnownFacts(output.with_name(f"{output.stem}.facts.jsonl"))
            for look in _look(studies, workers, known):
                looks.append(look)
                progress.advance(task)
            known.keep_only(studies)
        except OSError as error:
            raise not_writable(output, error) from error
        numbers = survey(studies, looks, sides, source)
        task = progress.add_task("Pictures", total=None)
        pictures = draw_pictures(
            studies, numbers, lambda done, total: progress.update(task, completed=done, total=total)
        )
    page = build_page(numbers, ", ".join(folder.resolve().name for folder in folders), *pictures)
    try:
        write_text(output, page)
        if json_file is not None:
            write_text(json_file, json.dumps(numbers.to_json(), indent=1) + "\n")
    except OSError as error:
        raise not_writable(output, error) from error
    cases = len(numbers.suspicions)
    twice = len(numbers.duplicates.same_voxels)
    click.echo(
        f"{output}: {numbers.counts.scans} scans, {numbers.counts.nodules} nodules, "
        f"{cases} suspicious cases, {twice} groups of scans with the same voxels"
    )


def _look(
    studies: Sequence[Study], workers: int, known: KnownFacts
) -> Iterator[tuple[ScanFacts | None, tuple[Suspicion, ...]]]:
    """What each study's image says, in their order; what an earlier run measured is not read."""
    from nodulus.app.data.eda.survey import inspect_study
    from nodulus.app.data.eda.suspicions import find_suspicions
    from nodulus.app.worker_pool import worker_pool

    kept = {n: facts for n, study in enumerate(studies) if (facts := known.get(study)) is not None}
    fresh = [study for n, study in enumerate(studies) if n not in kept]
    with ExitStack() as stack:
        looks: Iterator[tuple[ScanFacts | None, tuple[Suspicion, ...]]] = map(inspect_study, fresh)
        if workers > 1 and len(fresh) > 1:
            pool = worker_pool(workers)
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            looks = pool.map(inspect_study, fresh)
        for n, study in enumerate(studies):
            facts = kept.get(n)
            if facts is not None:
                yield facts, find_suspicions(study, facts)
                continue
            look = next(looks)
            if look[0] is not None:
                known.add(study, look[0])
            yield look
