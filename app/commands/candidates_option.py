"""`--candidates`: marks of other tools, for any command that runs the chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.candidates.open_candidates import FileCandidates
    from nodulus.app.reading import Discovery

candidates_option = click.option(
    "--candidates",
    multiple=True,
    metavar="[NAME=]FILE[#LABEL]",
    help="Candidates of another tool, beside the segmentation's: a CSV file in LUNA16's form, a"
    " label image, a DICOM SEG, RTSTRUCT or SR, .seg.nrrd or .mrk.json of 3D Slicer, or a folder of"
    " nnU-Net's predictions or of MONAI's lung_nodule_ct_detection. May be given several times.",
)
candidates_only_option = click.option(
    "--candidates-only",
    is_flag=True,
    help="What no FILE of --candidates marks is no candidate.",
)


def opened(
    given: Sequence[str], only: bool, deidentify: bool, device: str
) -> tuple[FileCandidates, ...]:
    """Open the files of ``--candidates``.

    Args:
        given: each ``[NAME=]FILE[#LABEL]``.
        only: whether there are to be no others, which needs a file.
        deidentify: results are de-identified, so that no file name may go into them.
        device: where a network among them runs.

    Raises:
        NodulusError: a file cannot be used, or two have one name.
    """
    if only and not given:
        raise click.UsageError("--candidates-only needs --candidates.")
    if not given:
        return ()
    from nodulus.app.candidates import open_candidates

    sources: list[FileCandidates] = []
    for text in given:
        name, path, label = _parts(text)
        if name is None and deidentify:
            raise _invalid(
                path,
                "With --deidentify no file name may go into the results, and these candidates have"
                " no other name.",
                "Give them one: --candidates NAME=FILE.",
            )
        source = open_candidates(path, name, label=label, device=device)
        if source.name in {one.name for one in sources}:
            raise _invalid(
                path,
                f"Two sources of candidates are called {source.name!r}.",
                "Give one of them another name: --candidates NAME=FILE.",
            )
        sources.append(source)
    return tuple(sources)


def check_belongs(sources: Sequence[FileCandidates], discovery: Discovery) -> None:
    """Check before any work that each file is of a scan of the input.

    Args:
        sources: as opened.
        discovery: what the input holds.

    Raises:
        NodulusError: ``candidates-invalid``.
    """
    chosen = [one.series_uid for s in discovery.studies for one in s.considered if one.chosen]
    for source in sources:
        if source.series_uids is not None and chosen and not source.series_uids & set(chosen):
            first = min(source.series_uids)
            raise _invalid(
                source.path,
                f"None of its {len(source.series_uids):,} series (such as {first}) is in the"
                f" input, whose first is {chosen[0]}.",
                "Write the input's SeriesInstanceUID, or the stem of its file name, in the column"
                " seriesuid.",
            )
        named = (
            source.of_any_scan or source.series_uids is not None or source.study_uids is not None
        )
        if not named and len(chosen) > 1:
            raise _invalid(
                source.path,
                f"A label image does not say of which scan it is, and the input has {len(chosen)}"
                " of them.",
                "Give one scan at a time, a DICOM SEG, or a table with a column seriesuid.",
            )


def check_studies(sources: Sequence[FileCandidates], discovery: Discovery) -> None:
    """Check likewise that a DICOM SEG is of a study of the input, where that is DICOM.

    Args:
        sources: as opened.
        discovery: what the input holds.

    Raises:
        NodulusError: ``candidates-invalid``.
    """
    from nodulus.app.reading.slice_plan import SlicePlan

    plans = [s.chosen for s in discovery.studies if isinstance(s.chosen, SlicePlan)]
    studies = {plan.slices[0].study_uid for plan in plans}
    if len(plans) < len([s for s in discovery.studies if s.chosen is not None]) or not studies:
        return
    for source in sources:
        if source.study_uids is not None and not source.study_uids & studies:
            raise _invalid(
                source.path,
                "It is of another study than any of the input.",
                "Give the segmentation of this study.",
            )


def _parts(text: str) -> tuple[str | None, Path, str | None]:
    """Name, file and label of ``[NAME=]FILE[#LABEL]``; a file that is there is taken as it is."""
    if Path(text).exists():
        return None, Path(text), None
    name, found, rest = text.partition("=")
    if not found or "/" in name or "\\" in name:
        name, rest = "", text
    path = Path(rest)
    label: str | None = None
    if not path.exists() and "#" in rest:
        before, _, label = rest.rpartition("#")
        path = Path(before)
    return name or None, path, label or None


def _invalid(path: Path, message: str, remedy: str) -> NodulusError:
    return NodulusError(ErrorCode.CANDIDATES_INVALID, message, remedy=remedy, subject=path)
