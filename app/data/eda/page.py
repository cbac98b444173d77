"""eda.html: one file, no network, for a person to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata

from nodulus.app.data.eda.figures import draw_plots
from nodulus.app.data.eda.key_slices import KeySlice
from nodulus.app.data.eda.survey import Survey
from nodulus.app.data.eda.suspicions import SuspicionKind
from nodulus.app.page_template import page_template

TEMPLATE = "eda.html.jinja"

KIND_TITLES: dict[SuspicionKind, str] = {
    SuspicionKind.OUTSIDE_VOLUME: "Nodule outside the image",
    SuspicionKind.OUTSIDE_LUNGS: "Nodule outside the lungs",
    SuspicionKind.SIZE_IMPOSSIBLE: "Impossible size",
    SuspicionKind.SIZE_DIFFERS: "Label and annotation differ in size",
    SuspicionKind.SAME_PLACE: "Two nodules at one place",
    SuspicionKind.LABEL_MISSING: "Annotation without a label",
    SuspicionKind.LABEL_UNLISTED: "Label without an annotation",
    SuspicionKind.HU_IMPOSSIBLE: "Hounsfield units that cannot be",
    SuspicionKind.CLASS_DIFFERS: "Candidate whose class contradicts the nodules",
    SuspicionKind.NO_LUNGS: "No lungs",
    SuspicionKind.IMAGE_BROKEN: "Image that cannot be read",
}


def build_page(
    survey: Survey,
    name: str,
    samples: Mapping[str, Sequence[KeySlice | None]],
    cases: Mapping[SuspicionKind, Sequence[KeySlice | None]],
) -> str:
    """Render the report.

    Args:
        survey: the numbers.
        name: of the data, for the title.
        samples: key slices by size class.
        cases: key slices by kind, for the first of its cases.

    Returns:
        The HTML text. Scans are named by their series UID, patients not at all.
    """
    return page_template("nodulus.app.data.eda", TEMPLATE).render(
        survey=survey,
        name=name,
        version=metadata.version("nodulus"),
        plots=draw_plots(survey),
        samples={n: [s for s in slices if s] for n, slices in samples.items() if any(slices)},
        cases=cases,
        kinds=survey.suspicions_by_kind(),
        titles=KIND_TITLES,
    )
