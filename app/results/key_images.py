"""Pictures of the findings as DICOM Secondary Capture images (PS3.3 A.8)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import highdicom as hd
import numpy as np
from PIL import Image, ImageDraw
from pydicom import Dataset

from nodulus.app.result import Finding, StudyResult
from nodulus.app.results import dicom_series as derived
from nodulus.app.results.dicom_seg import segment_label
from nodulus.app.results.drawing import font
from nodulus.app.results.pictures import WINDOW_CENTER_HU, WINDOW_WIDTH_HU, Picture
from nodulus.app.results.sources import SourceHeaders
from nodulus.app.results.wording import place_words

TILE = 512
BANNER = 88
_INK, _PAPER = (240, 240, 240), (0, 0, 0)


def key_picture(
    pictures: Sequence[Picture], finding: Finding, result: StudyResult, where: str = ""
) -> Image.Image:
    """Put a finding's pictures, two a row, under a line that says what they are.

    Args:
        pictures: overview, axial, coronal, sagittal.
        finding: the finding.
        result: the study's result.
        where: the source image that it is nearest to, in words.

    Returns:
        RGB, 1024 pixels wide; nothing in it tells who the patient is.
    """
    rows = -(-len(pictures) // 2)
    sheet = Image.new("RGB", (2 * TILE, BANNER + rows * TILE), _PAPER)
    for number, picture in enumerate(pictures):
        tile = picture.flat()
        tile.thumbnail((TILE, TILE))
        row, column = divmod(number, 2)
        gap = ((TILE - tile.width) // 2, (TILE - tile.height) // 2)
        sheet.paste(tile, (column * TILE + gap[0], BANNER + row * TILE + gap[1]))
    draw = ImageDraw.Draw(sheet)
    size = f"{finding.longest_diameter_mm:.1f} x {finding.perpendicular_diameter_mm:.1f} mm"
    chance = f"malignancy {100 * finding.malignancy_probability:.0f} %"
    title = ", ".join(filter(None, (segment_label(finding), place_words(finding), size, chance)))
    seen = f"Lung window: centre {WINDOW_CENTER_HU:.0f}, width {WINDOW_WIDTH_HU:.0f} HU"
    shown = ". ".join(filter(None, (where[:1].upper() + where[1:], seen)))
    note = f"Nodulus {result.nodulus_version}. {result.disclaimer}"
    draw.text((12, 6), title, fill=_INK, font=font(24))
    draw.text((12, 38), shown, fill=_INK, font=font(16))
    draw.text((12, 62), note, fill=_INK, font=font(16))
    return sheet


def build_key_images(
    pictures: Sequence[Sequence[Picture]],
    sources: SourceHeaders,
    result: StudyResult,
    uid: UUID,
    places: Sequence[str],
) -> list[Dataset]:
    """Make one secondary capture a finding; all are of one series.

    Args:
        pictures: of each finding, in the order of ``result.findings``.
        sources: the headers of the source.
        result: the study's result.
        uid: what the objects' UIDs are made of.
        places: the source image that each finding is nearest to, in words.

    Returns:
        The data sets, ready to be saved; the instance number is the finding's id.
    """
    made: list[Dataset] = []
    for finding, own, where in zip(result.findings, pictures, places, strict=True):
        image = hd.sc.SCImage.from_ref_dataset(
            sources.datasets[0],
            pixel_array=np.asarray(key_picture(own, finding, result, where)),
            photometric_interpretation=hd.PhotometricInterpretationValues.RGB,
            bits_allocated=8,
            coordinate_system=hd.CoordinateSystemNames.PATIENT,
            patient_orientation=("L", "P"),
            instance_number=finding.id,
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            **derived.common(
                derived.KEY_IMAGES,
                result,
                derived.object_uids(uid, derived.KEY_IMAGES, finding.id),
            ),
        )
        image.ConversionType = hd.sc.ConversionTypeValues.WSD.value
        image["PatientOrientation"].value = None  # of several planes: no one orientation holds
        image.BodyPartExamined = "CHEST"
        image.BurnedInAnnotation = "NO"
        image.ImageComments = f"{segment_label(finding)}. {result.disclaimer}"
        made.append(image)
    return made
