"""What the network sees and finds in a few validation patches, drawn after each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw
from skimage.segmentation import find_boundaries

ZOOM = 4
TRUTH_RGB = (0, 200, 80)
PREDICTION_RGB = (255, 60, 200)


class ValidationPictures:
    """Write pictures of the first validation patches to TensorBoard.

    The order of validation does not change, so these are the same patches in every epoch.

    Args:
        writer: a ``SummaryWriter``.
        count: how many patches.
        tag: name in TensorBoard.
    """

    def __init__(self, writer: Any, count: int = 4, tag: str = "validation") -> None:
        self.writer = writer
        self.count = count
        self.tag = tag
        self.pictures: list[NDArray[np.uint8]] = []

    def attach(self, engine: Engine) -> None:
        """Act on the evaluator's iterations and epochs."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.write)

    def clear(self, engine: Engine) -> None:
        """Forget the last epoch's."""
        self.pictures = []

    def __call__(self, engine: Engine) -> None:
        """Draw as many of the decollated items as are still wanted."""
        state: Any = engine.state  # Ignite types its output as an integer
        for item in state.output[: self.count - len(self.pictures)]:
            arrays = [np.asarray(item[key].detach().cpu()) for key in ("image", "label", "pred")]
            self.pictures.append(draw_patch(*arrays))

    def write(self, engine: Engine) -> None:
        """Write them as one picture, a row each."""
        if self.pictures:
            rows = np.concatenate(self.pictures)
            self.writer.add_image(self.tag, rows, engine.state.epoch, dataformats="HWC")


def draw_patch(image: ArrayLike, truth: ArrayLike, prediction: ArrayLike) -> NDArray[np.uint8]:
    """Draw the middle axial, coronal and sagittal plane of a patch side by side.

    Args:
        image: (1, X, Y, Z) with equal edges, RAS axes, 0 to 1.
        truth: a mask of the same shape, whose contour is drawn in green; or one number, which is
            written.
        prediction: likewise, in magenta; a probability where it is one number.

    Returns:
        (edge * 4, edge * 12, 3): as radiologists look at it, the patient's right on the left.
    """
    volume = np.clip(np.asarray(image, dtype=np.float32)[0], 0.0, 1.0)
    marks = ((np.asarray(truth), TRUTH_RGB), (np.asarray(prediction), PREDICTION_RGB))
    columns = []
    for axis in (2, 1, 0):
        gray = (255 * _enlarged(_plane(volume, axis))).astype(np.uint8)
        picture = np.repeat(gray[..., np.newaxis], 3, axis=2)
        for mark, color in marks:
            if mark.size > 1:
                inside = _enlarged(_plane(mark[0], axis)) > 0
                picture[find_boundaries(inside, mode="inner")] = color
        columns.append(picture)
    strip = np.concatenate(columns, axis=1)
    words = [(f"{float(m.reshape(-1)[0]):.2f}", color) for m, color in marks if m.size == 1]
    return _written(strip, words) if words else strip


def _plane(volume: NDArray[Any], axis: int) -> NDArray[Any]:
    """The middle plane; rows go down, columns to the patient's left (or to the back)."""
    plane: NDArray[Any] = volume.take(volume.shape[axis] // 2, axis=axis)
    flipped: NDArray[Any] = plane.T[::-1, ::-1]
    return flipped


def _enlarged(plane: NDArray[Any]) -> NDArray[Any]:
    return plane.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)


def _written(
    picture: NDArray[np.uint8], words: list[tuple[str, tuple[int, int, int]]]
) -> NDArray[np.uint8]:
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    for line, (word, color) in enumerate(words):
        pen.text((4, 2 + 12 * line), word, fill=color)
    return np.asarray(canvas, dtype=np.uint8)
