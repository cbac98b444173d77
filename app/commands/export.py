"""`nodulus export`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nodulus.app.commands.root import EXIT_FAILED
from nodulus.app.errors import NodulusError, not_writable
from nodulus.app.exports.formats import FORMATS

_FORMATS_HELP = "\b\n" + "\n".join(f"{name:10}{one.meaning}" for name, one in FORMATS.items())


@click.command(
    "export",
    help=f"""Write the findings of RESULTS in the formats of other tools.

    RESULTS are folders that nodulus detect wrote. Each study gets a folder in OUTPUT, named as its
    result is. What a reader decided on is in the exports of nodulus review.

    {_FORMATS_HELP}

    Exit status: 0 done, 1 a study could not be exported, 2 wrong usage.
    """,
)
@click.argument(
    "results", metavar="RESULTS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--to",
    "formats",
    required=True,
    multiple=True,
    type=click.Choice(list(FORMATS)),
    help="A format; may be given more than once.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the files."
)
@click.option(
    "--images",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Where the CTs are, if not where detect read them, for gsps; may be repeated.",
)
def command(
    results: tuple[Path, ...], formats: tuple[str, ...], output: Path, images: tuple[Path, ...]
) -> None:
    """Export each study; see the help above."""
    from nodulus.app.exports.study import ResultToExport
    from nodulus.app.review.result_folders import check_results, read_folder, study_folders

    check_results(results)
    exporters = {name: FORMATS[name].exporter() for name in dict.fromkeys(formats)}
    failed = False
    for folder in (folder for path in results for folder in study_folders(path)):
        found = read_folder(folder)
        if found is None:
            click.secho(f"error: {folder} holds no readable result", err=True, fg="red")
            failed = True
            continue
        study = ResultToExport(folder, found.result, found.images, images)
        for name, export in exporters.items():
            try:
                files = export(study)
            except NodulusError as error:
                click.secho(f"error: {name}: {error}", err=True, fg="red")
                failed = True
                continue
            _write(output / folder.name, files)
            if not files:
                click.echo(f"{folder.name}: no findings, no {name}")
            for file in files:
                click.echo(str(output / folder.name / file))
    if failed:
        sys.exit(EXIT_FAILED)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    from nodulus.bundles.common.atomic_files import atomic_write

    try:
        for name, content in files.items():
            with atomic_write(folder / name) as part:
                part.write_bytes(content)
    except OSError as error:
        raise not_writable(folder, error) from error
