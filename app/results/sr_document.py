"""A measurement report (TID 1500, PS3.16) as a Comprehensive 3D SR, whatever it measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import highdicom as hd
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import Dataset

from nodulus.app.results import codes


@dataclass(frozen=True)
class Verification:
    """Who has verified a report.

    Args:
        name: as a DICOM person name.
        organization: of that person, where it is known.
    """

    name: str
    organization: str | None


def sr_document(
    groups: Sequence[Any],
    *,
    context: hd.sr.ObservationContext,
    library: Any,
    comments: Iterable[str],
    evidence: Sequence[Dataset],
    attributes: Mapping[str, Any],
    verified: Verification | None = None,
) -> Dataset:
    """Put a measurement report on a chest CT together.

    Args:
        groups: its measurement groups, at least one.
        context: who or what observed.
        library: the image library (TID 1600).
        comments: texts at the end of it.
        evidence: the headers of everything that it refers to.
        attributes: what every object of highdicom takes, see :func:`.dicom_series.common`.
        verified: who has verified it, which makes it final; without, it is preliminary.

    Returns:
        The data set, ready to be saved.
    """
    report = hd.sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.CT_CHEST,
        imaging_measurements=groups,
    )
    items = report[0].ContentSequence
    items.insert(len(items) - 1, library)
    items.extend(
        hd.sr.TextContentItem(
            name=codes.COMMENT,
            value=text,
            relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
        )
        for text in comments
    )
    document = hd.sr.Comprehensive3DSR(
        evidence=evidence,
        content=_root_alone(report[0]),
        instance_number=1,
        is_complete=True,
        is_final=verified is not None,
        is_verified=verified is not None,
        verifying_observer_name=None if verified is None else verified.name,
        verifying_organization=None if verified is None else verified.organization,
        coding_schemes=[
            CodingSchemeIdentificationItem(
                designator=codes.PRIVATE_SCHEME, name=codes.PRIVATE_SCHEME_NAME
            )
        ],
        **attributes,
    )
    # Put in only now: given before, highdicom copies and parses it again, which takes most of the
    # time with hundreds of images and tells nothing of items that its own classes have just made.
    document.add(report[0]["ContentSequence"])
    return document


def _root_alone(root: Dataset) -> Dataset:
    """Give the root of a content tree with its own attributes and an empty content."""
    alone = Dataset()
    for element in root:
        if element.keyword != "ContentSequence":
            alone.add(element)
    alone.ContentSequence = []
    return alone
