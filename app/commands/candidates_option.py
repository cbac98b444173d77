"""`--candidates`: marks of other tools, for any command that runs the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nodulus.app.commands.option_group import option_group
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.candidates.candidate_folder import CandidateFolder
    from nodulus.app.candidates.candidate_options import CandidateOptions
    from nodulus.app.candidates.open_candidates import FileCandidates
    from nodulus.app.marks import OpensCandidates
    from nodulus.app.reading import Discovery

candidates_option = click.option(
    "--candidates",
    multiple=True,
    metavar="[NAME=]FILE[#LABEL]",
    help="Candidates of another tool, beside the segmentation's: a CSV file in LUNA16's form, a"
    " label image, a DICOM SEG, RTSTRUCT or SR, .seg.nrrd or .mrk.json of 3D Slicer, a folder with"
    " such files of many scans, of nnU-Net's predictions, or of MONAI's lung_nodule_ct_detection."
    " May be given several times.",
)
candidates_only_option = click.option(
    "--candidates-only",
    is_flag=True,
    help="What none of these marks is no candidate.",
)


candidates_of_study_option = click.option(
    "--candidates-of-study",
    is_flag=True,
    help="Segmentations and reports (DICOM SEG, RTSTRUCT, SR) of other tools that come with the"
    " images are candidates too.",
)


candidates_options = option_group(
    candidates_option, candidates_only_option, candidates_of_study_option
)
"""The three options of a command; `taken_candidates` reads them."""


def taken_candidates(
    given: Mapping[str, Any], deidentify: bool, device: str
) -> CandidateOptions | None:
    """Give the options of a call; None where no candidates of others are wanted.

    Args:
        given: the command's parameters, by name; others than `candidates_options` are passed over.
        deidentify: results are de-identified, so that no file name may go into them.
        device: where a network among the files runs.

    Raises:
        click.UsageError: there are to be only candidates that nothing gives.
    """
    files, of_study = given["candidates"], given["candidates_of_study"]
    only = given["candidates_only"]
    if not files and not of_study:
        if only:
            raise click.UsageError("--candidates-only needs --candidates or --candidates-of-study.")
        return None
    from nodulus.app.candidates.candidate_options import CandidateOptions

    return CandidateOptions(files, only, of_study, deidentify, device)


def taken_for_many(
    given: Mapping[str, Any], deidentify: bool, device: str
) -> OpensCandidates | None:
    """Give the options of a call likewise, where many scans come; every file is opened once.

    Raises:
        NodulusError: a file cannot be used, or does not say of which scan it is.
    """
    options = taken_candidates(given, deidentify, device)
    if options is not None:
        options.for_many()
    return options


def check_belongs(sources: Sequence[FileCandidates], discovery: Discovery) -> None:
    """Check before any work that each file is of a scan of the input.

    Args:
        sources: as opened.
        discovery: what the input holds.

    Raises:
        NodulusError: ``candidates-invalid``.
    """
    if not sources:
        return
    from nodulus.app.candidates.candidate_folder import CandidateFolder
    from nodulus.app.candidates.candidate_options import names_its_scan

    chosen = [one.series_uid for s in discovery.studies for one in s.considered if one.chosen]
    for source in sources:
        if isinstance(source, CandidateFolder) and not _has_any(source, discovery):
            raise _invalid(
                source.path,
                "None of its files is of a scan of the input.",
                "Name the files, or the folders that they lie in, after the scans:"
                " SeriesInstanceUID, StudyInstanceUID, or the stem of the scan's file.",
            )
        if source.series_uids is not None and chosen and not source.series_uids & set(chosen):
            first = min(source.series_uids)
            raise _invalid(
                source.path,
                f"None of its {len(source.series_uids):,} series (such as {first}) is in the"
                f" input, whose first is {chosen[0]}.",
                "Write the input's SeriesInstanceUID, or the stem of its file name, in the column"
                " seriesuid.",
            )
        if not names_its_scan(source) and len(chosen) > 1:
            raise _invalid(
                source.path,
                f"A label image does not say of which scan it is, and the input has {len(chosen)}"
                " of them.",
                "Give one scan at a time, a DICOM SEG, or a table with a column seriesuid.",
            )


def _has_any(source: CandidateFolder, discovery: Discovery) -> bool:
    from nodulus.app.reading.slice_plan import SlicePlan

    for study in discovery.studies:
        plan = study.chosen
        study_uid = plan.slices[0].study_uid if isinstance(plan, SlicePlan) else None
        if any(s.chosen and source.has(s.series_uid, study_uid) for s in study.considered):
            return True
    return not any(study.chosen for study in discovery.studies)


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


def _invalid(path: Path, message: str, remedy: str) -> NodulusError:
    return NodulusError(ErrorCode.CANDIDATES_INVALID, message, remedy=remedy, subject=path)
