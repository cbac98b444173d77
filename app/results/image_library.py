"""The source images as an image library (TID 1600, PS3.16) with their common description once.

A library that repeats the description for each image makes a report of 500 slices take half a
minute to build; the template lets the group carry what its images share.
"""

from __future__ import annotations

from typing import Any

import highdicom as hd
from highdicom.sr.templates import ImageLibraryEntryDescriptors
from pydicom import Dataset
from pydicom.sr.coding import Code

from nodulus.app.results.sources import SourceHeaders

_IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
_IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
_SOURCE = Code("260753009", "SCT", "Source")
_PER_IMAGE = {f"Image Position (Patient) {axis}" for axis in "XYZ"}


def image_library(*series: SourceHeaders) -> Any:
    """Make the container item of the image library, with a group for each series.

    Args:
        series: the headers of each series' images.

    Returns:
        A content item that goes into the root of a measurement report.
    """
    library = hd.sr.ContainerContentItem(
        _IMAGE_LIBRARY, relationship_type=hd.sr.RelationshipTypeValues.CONTAINS
    )
    library.ContentSequence = hd.sr.ContentSequence([_group(sources) for sources in series])
    return library


def _group(sources: SourceHeaders) -> Any:
    contains = hd.sr.RelationshipTypeValues.CONTAINS
    group = hd.sr.ContainerContentItem(_IMAGE_LIBRARY_GROUP, relationship_type=contains)
    group.ContentSequence = hd.sr.ContentSequence()
    for descriptor in ImageLibraryEntryDescriptors(_described(sources)):
        if descriptor.ConceptNameCodeSequence[0].CodeMeaning not in _PER_IMAGE:
            group.ContentSequence.append(descriptor)
    source = hd.sr.CodedConcept.from_code(_SOURCE)
    for dataset in sources.datasets:
        group.ContentSequence.append(
            hd.sr.ImageContentItem(
                name=source,
                referenced_sop_class_uid=dataset.SOPClassUID,
                referenced_sop_instance_uid=dataset.SOPInstanceUID,
                relationship_type=contains,
            )
        )
    return group


def _described(sources: SourceHeaders) -> Dataset:
    """The first image's description; of a multi-frame file, whose planes have it, the frame's."""
    dataset = sources.datasets[0]
    if not sources.is_multiframe:
        return dataset
    entry = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "Modality", "Rows", "Columns"):
        setattr(entry, keyword, dataset[keyword].value)
    entry.FrameOfReferenceUID = dataset.FrameOfReferenceUID
    entry.SliceThickness = dataset.SliceThickness
    geometry = sources.geometries[0]
    axes = geometry.direction_irc
    entry.PixelSpacing = list(geometry.spacing_irc_mm[1:])
    entry.ImageOrientationPatient = [*axes[:, 2], *axes[:, 1]]
    entry.ImagePositionPatient = list(geometry.index_to_lps((0, 0, 0)))
    return entry
