"""What became of a study, as lines in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from nodulus.app.run import StudyOutcome


def print_outcome(console: Console, errors: Console, outcome: StudyOutcome) -> None:
    """Print what became of one study.

    Args:
        console: for results.
        errors: for errors.
        outcome: of the study.
    """
    if outcome.error is not None:
        errors.print(f"error: {outcome.error}", style="red", markup=False, soft_wrap=True)
    if (note := outcome.note) is not None:
        said = f"failure note: {note.path}" if note.path else f"no failure note: {note.left_out}"
        errors.print(f"  {said}", markup=False, soft_wrap=True)
    result = outcome.result
    if result is None:
        return
    from nodulus.app.results.wording import place_words

    count = len(result.findings)
    console.print(
        f"study {outcome.study.key}: {count} finding{'' if count == 1 else 's'}", markup=False
    )
    for f in result.findings:
        x, y, z = f.center_lps_mm
        console.print(
            f"  {f.id:2d}  malignancy {f.malignancy_probability:.2f}"
            f"  nodule {f.nodule_probability:.2f}"
            f"  {f.longest_diameter_mm:4.1f} x {f.perpendicular_diameter_mm:4.1f} mm"
            f"  {f.volume_mm3:7.0f} mm3  {f.mean_hu:5.0f} HU  {place_words(f) or 'side unknown'}"
            f"{'' if f.kind in {None, 'nodule'} else f'  {f.kind}'}"
            f"  LPS ({x:.1f}, {y:.1f}, {z:.1f}) mm{'  suspicious' if f.suspicious else ''}",
            markup=False,
        )
    for warning in result.warnings:
        console.print(f"  warning: {warning.message}", style="yellow", markup=False)
    console.print(f"  {outcome.folder}", markup=False)
