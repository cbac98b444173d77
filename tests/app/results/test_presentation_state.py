"""The presentation state: outlines on the right images, as dcmtk and dciodvfy judge them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from skimage.draw import polygon2mask

from nodulus.app.results.file_plan import GSPS_FILE, SEG_FILE
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.volume import CtVolume

from .dicom_objects import masks, write
from .geometries import ORIENTATIONS, with_a_gap
from .others import validate
from .synthetic import PATIENT_NAME, result_for, two_labels, write_multiframe, write_series


def oblique(folder: Path) -> CtVolume:
    orientation, step = ORIENTATIONS["oblique"]
    return write_series(folder, orientation=orientation, step_lps_mm=step)


SOURCES: dict[str, Callable[[Path], CtVolume]] = {
    "series": write_series, "oblique": oblique, "multi-frame": write_multiframe,
}  # fmt: skip


def drawn(state: Dataset, size: tuple[int, int]) -> dict[tuple[str, int, str], np.ndarray]:
    """What the outlines enclose, by the image's UID, the frame (0 for none) and the name."""
    found: dict[tuple[str, int, str], np.ndarray] = {}
    for annotation in state.GraphicAnnotationSequence:
        (image,) = annotation.ReferencedImageSequence
        frame = int(image.get("ReferencedFrameNumber", 0))
        (text,) = annotation.TextObjectSequence
        key = (str(image.ReferencedSOPInstanceUID), frame, text.UnformattedTextValue)
        found[key] = np.zeros(size, bool)
        for outline in annotation.GraphicObjectSequence:
            points = np.reshape(outline.GraphicData, (-1, 2))
            assert np.array_equal(points[0], points[-1])
            found[key] |= polygon2mask(size, points[:, ::-1] - 0.5)
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_the_outlines_enclose_the_masks_on_their_images(source: str, tmp_path: Path) -> None:
    volume = SOURCES[source](tmp_path / "ct")
    folder = write(tmp_path / "out", volume, two_labels(), gsps=True)
    seg, state = dcmread(folder / SEG_FILE), dcmread(folder / GSPS_FILE)
    validate(folder / GSPS_FILE)
    expected = {
        (
            str(image.ReferencedSOPInstanceUID),
            int(image.get("ReferencedFrameNumber", 0)),
            f"Nodule {number}",
        ): mask
        for number, _, image, mask in masks(seg)
    }
    found = drawn(state, (seg.Rows, seg.Columns))
    assert found.keys() == expected.keys()
    for key, mask in expected.items():
        assert np.array_equal(found[key], mask > 0), key
    uids = {o.TrackingUID for a in state.GraphicAnnotationSequence for o in a.GraphicObjectSequence}
    assert uids == {f.tracking_uid for f in result_for(volume, two_labels()).findings}


def test_dcmtk_draws_the_image_through_it(tmp_path: Path) -> None:
    if shutil.which("dcmp2pgm") is None:
        pytest.skip("needs dcmtk (Debian package dcmtk)")
    volume = write_series(tmp_path / "ct")
    state = write(tmp_path / "out", volume, two_labels(), gsps=True) / GSPS_FILE
    checked = subprocess.run(
        ["dcmpschk", str(state)], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    uid = dcmread(state).ReferencedSeriesSequence[0].ReferencedImageSequence[0]
    image = next(
        i.path for i in volume.source_images if i.sop_instance_uid == uid.ReferencedSOPInstanceUID
    )
    picture = tmp_path / "picture.pgm"
    subprocess.run(
        ["dcmp2pgm", "-p", str(state), str(image), str(picture)], check=True, capture_output=True
    )
    header = dcmread(image)
    assert Image.open(picture).size == (header.Columns, header.Rows)


def test_it_is_left_out_where_no_image_shows_a_nodule(tmp_path: Path) -> None:
    labels = np.where(two_labels() == 2, 1, 0).astype(np.uint8)
    volume, labels, _ = with_a_gap(write_series(tmp_path / "ct"), labels, slice(14, 16))
    result = result_for(volume, labels)
    options = OutputOptions(report=False, seg=False, gsps=True)
    written = write_results(tmp_path / "out", volume, labels, result, options=options)
    assert not (tmp_path / "out" / GSPS_FILE).exists()
    assert written.files_left_out["gsps"] == "all nodules lie on interpolated slices alone"


def test_it_names_nobody_when_deidentified(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    folder = write(tmp_path / "out", volume, two_labels(), gsps=True, deidentify=True)
    content = (folder / GSPS_FILE).read_bytes()
    assert PATIENT_NAME.encode() not in content
    assert all(i.sop_instance_uid.encode() not in content for i in volume.source_images)


def test_highdicom_makes_the_same_of_what_was_read(tmp_path: Path) -> None:
    """It has no reader of presentation states: its own checks are those of its constructors."""
    volume = write_series(tmp_path / "ct")
    folder = write(tmp_path / "out", volume, two_labels(), gsps=True)
    state = dcmread(folder / GSPS_FILE)
    images = {image.SOPInstanceUID: image for image in map(dcmread, (tmp_path / "ct").iterdir())}
    layers = {layer.GraphicLayer: layer for layer in state.GraphicLayerSequence}
    pixels = hd.pr.AnnotationUnitsValues.PIXEL
    again = [
        hd.pr.GraphicAnnotation(
            referenced_images=[
                images[r.ReferencedSOPInstanceUID] for r in annotation.ReferencedImageSequence
            ],
            graphic_layer=hd.pr.GraphicLayer(
                annotation.GraphicLayer, layers[annotation.GraphicLayer].GraphicLayerOrder
            ),
            graphic_objects=[
                hd.pr.GraphicObject(
                    graphic_type=one.GraphicType,
                    graphic_data=np.reshape(one.GraphicData, (-1, 2)),
                    units=pixels,
                    is_filled=one.GraphicFilled == "Y",
                    tracking_id=one.TrackingID,
                    tracking_uid=one.TrackingUID,
                )
                for one in annotation.GraphicObjectSequence
            ],
            text_objects=[
                hd.pr.TextObject(
                    text_value=one.UnformattedTextValue,
                    units=pixels,
                    bounding_box=(
                        *one.BoundingBoxTopLeftHandCorner,
                        *one.BoundingBoxBottomRightHandCorner,
                    ),
                    text_justification=one.BoundingBoxTextHorizontalJustification,
                )
                for one in annotation.TextObjectSequence
            ],
        )
        for annotation in state.GraphicAnnotationSequence
    ]
    assert len(again) > 2
    for made, read in zip(again, state.GraphicAnnotationSequence, strict=True):
        assert made.to_json_dict() == read.to_json_dict()
