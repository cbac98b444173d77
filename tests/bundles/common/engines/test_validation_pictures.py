"""Pictures of validation in TensorBoard."""

from __future__ import annotations

import numpy as np
import torch
from ignite.engine import Engine

from nodulus.bundles.common.engines.validation_pictures import (
    PREDICTION_RGB,
    TRUTH_RGB,
    ZOOM,
    ValidationPictures,
    draw_patch,
)

EDGE = 16


def cube(start, size):
    mask = np.zeros((1, EDGE, EDGE, EDGE), np.uint8)
    mask[(0, *(slice(s, s + size) for s in start))] = 1
    return mask


def place(picture, color):
    """Bounding box of a color: rows and columns, in voxels of the patch."""
    rows, columns = np.nonzero((picture == color).all(axis=-1))
    return tuple(int(v) // ZOOM for v in (rows.min(), rows.max(), columns.min(), columns.max()))


def test_contours_lie_where_the_masks_are():
    image = np.full((1, EDGE, EDGE, EDGE), 0.5, np.float32)
    picture = draw_patch(image, cube((2, 7, 8), 3), cube((7, 8, 2), 8))
    assert picture.shape == (EDGE * ZOOM, 3 * EDGE * ZOOM, 3)
    width = EDGE * ZOOM
    axial, coronal, sagittal = (picture[:, i * width : (i + 1) * width] for i in range(3))
    # RAS: x 2..4 is far to the left of the patient, on the right of the picture
    assert place(axial, TRUTH_RGB) == (6, 8, 11, 13)
    assert place(coronal, TRUTH_RGB) == (5, 7, 11, 13)
    assert not (sagittal == TRUTH_RGB).all(axis=-1).any()
    # anterior, a large y, is on the left of a sagittal plane
    assert place(sagittal, PREDICTION_RGB) == (6, 13, 0, 7)


def test_numbers_are_written():
    image = np.zeros((1, EDGE, EDGE, EDGE), np.float32)
    picture = draw_patch(image, np.array([1.0]), np.array([0.25]))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 2
    assert not np.array_equal(picture, draw_patch(image, np.array([1.0]), np.array([0.75])))


def test_the_first_patches_of_each_epoch_are_written():
    written = []

    class Writer:
        def add_image(self, tag, image, step, dataformats):
            written.append((tag, image.shape[0] // (EDGE * ZOOM), step, dataformats))

    def step(engine, batch):
        shape = (1, EDGE, EDGE, EDGE)
        return [{key: torch.zeros(shape) for key in ("image", "label", "pred")}] * 2

    engine = Engine(step)
    ValidationPictures(Writer(), count=3).attach(engine)
    engine.run([0] * 5, max_epochs=2)
    assert written == [("validation", 3, 1, "HWC"), ("validation", 3, 2, "HWC")]
