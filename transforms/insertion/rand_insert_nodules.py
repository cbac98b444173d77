"""Insert nodules into an image as augmentation: drawn parameters apart from their effect.

``RandInsertNodules`` draws
:class:`~nodulus.transforms.insertion.nodule_insertion_record.NoduleInsertion` records and
:class:`~nodulus.transforms.insertion.replay_insertion.InsertNodules` applies them. The dictionary
form keeps the records in the item, as JSON text that any collation carries along.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import RandomizableTransform
from numpy.typing import ArrayLike

from nodulus.transforms.insertion.insertion_scene import Scene, affine_of
from nodulus.transforms.insertion.nodule_cavity import draw_wall_mm
from nodulus.transforms.insertion.nodule_insertion import draw_place, random_rotation
from nodulus.transforms.insertion.nodule_insertion_record import NoduleInsertion, to_json
from nodulus.transforms.insertion.nodule_position import LungField
from nodulus.transforms.insertion.replay_insertion import InsertionKeys, InsertNodules, Shapes


class RandInsertNodules(RandomizableTransform):
    r"""Insert nodules of random shape, size, turn and place into the lung of an image.

    With probability ``prob``, :math:`n \sim \mathcal{U}\{a, b\}` nodules are inserted, each with

    - a shape drawn by ``weights``, scaled by :math:`s \sim \mathcal{U}(s_0, s_1)`, rotated
      uniformly over all rotations, mirrored half of the time;
    - a place free in the lung, at a vessel or at the pleura, as often as ``attachment_shares``
      says, away from what is labelled already; one that finds no room is left out;
    - a blur of :math:`\sigma \sim \mathcal{U}(\sigma_0, \sigma_1)` mm;
    - a cavity, as often as ``cavity_share`` says, where it is large enough for one.

    Args:
        shapes: nodule shapes by their ids.
        prob: how often anything is inserted.
        count: fewest and most nodules.
        weights: how often each shape, in the order of ``shapes``; equally often by default.
        scale_range: least and greatest factor on a shape's size.
        attachment_shares: of free, at a vessel, at the pleura.
        blur_sigma_range_mm: least and greatest blur.
        cavity_share: of the nodules that are large enough for a cavity.
        cavity_wall_mm: thinnest and thickest wall of one.
        air_below_hu: see :class:`InsertNodules`.
        cut_out: the image is a patch: lung that reaches its edge goes on beyond it.

    Raises:
        ValueError: no shapes, as many weights as shapes are not given, or a bad range.
    """

    def __init__(
        self,
        shapes: Shapes,
        prob: float = 0.3,
        count: tuple[int, int] = (1, 1),
        weights: Sequence[float] | None = None,
        scale_range: tuple[float, float] = (0.85, 1.15),
        attachment_shares: tuple[float, float, float] = (0.4, 0.3, 0.3),
        blur_sigma_range_mm: tuple[float, float] = (0.3, 0.8),
        air_below_hu: float | None = -400.0,
        cut_out: bool = True,
        cavity_share: float = 0.0,
        cavity_wall_mm: tuple[float, float] = (1.5, 6.0),
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        self.ids = tuple(shapes)
        if not self.ids:
            raise ValueError("there are no nodule shapes to draw from")
        chances = np.ones(len(self.ids)) if weights is None else np.asarray(weights, np.float64)
        if chances.shape != (len(self.ids),) or chances.min() < 0 or not chances.sum() > 0:
            raise ValueError(f"{len(self.ids)} shapes need as many weights, not all of them 0")
        if not (0 < count[0] <= count[1] and 0 < scale_range[0] <= scale_range[1]):
            raise ValueError(f"bad range: count {count}, scale_range {scale_range}")
        self.chances = chances / chances.sum()
        self.count = count
        self.scale_range = scale_range
        self.attachment_shares = attachment_shares
        self.blur_sigma_range_mm = blur_sigma_range_mm
        self.cut_out = cut_out
        self.cavity_share = cavity_share
        self.cavity_wall_mm = cavity_wall_mm
        self.insert = InsertNodules(shapes, air_below_hu)
        self.insertions: tuple[NoduleInsertion, ...] = ()
        self._scene: Scene | None = None

    def randomize(self, data: Any = None) -> None:
        """Draw ``insertions``.

        Args:
            data: image, label, lungs and affine of :class:`InsertNodules`; without them nothing
                is inserted.
        """
        super().randomize(None)
        seed = int(self.R.randint(2**31))  # the renderer takes NumPy's newer generators
        self.insertions, self._scene = (), None
        if not self._do_transform or data is None:
            return
        image, label, lungs, affine = data
        scene = Scene.of(image, label, lungs, affine, self.insert.air_below_hu)
        if scene.lung.any():
            self._scene = scene
            self.insertions = self._draw(scene, np.random.default_rng(seed))

    def _draw(self, scene: Scene, rng: np.random.Generator) -> tuple[NoduleInsertion, ...]:
        field = LungField.of(scene.lung, scene.geometry, scene.hu, cut_out=self.cut_out)
        taken = scene.occupied()
        drawn = []
        for _ in range(int(rng.integers(self.count[0], self.count[1] + 1))):
            shape_id = self.ids[int(rng.choice(len(self.ids), p=self.chances))]
            scale = float(rng.uniform(*self.scale_range))
            blur_sigma_mm = float(rng.uniform(*self.blur_sigma_range_mm))
            rotation = random_rotation(rng)
            seed = int(rng.integers(2**63))
            try:
                shape = self.insert.shapes[shape_id]
            except ValueError:  # outlines that enclose nothing
                continue
            radius_mm = 0.5 * shape.equivalent_diameter_mm * scale
            place = draw_place(field, radius_mm, self.attachment_shares, rng, taken)
            if place is None:
                continue
            x, y, z = (float(v) for v in place[0])
            taken.append(((x, y, z), radius_mm))
            turn = tuple(tuple(float(v) for v in line) for line in rotation)
            wall_mm = draw_wall_mm(radius_mm, self.cavity_share, self.cavity_wall_mm, rng)
            drawn.append(
                NoduleInsertion(
                    shape_id, (x, y, z), turn, scale, place[1], blur_sigma_mm, seed, wall_mm
                )
            )
        return tuple(drawn)

    def __call__(  # type: ignore[override]  # of several arrays
        self,
        image: torch.Tensor,
        label: torch.Tensor,
        lungs: torch.Tensor,
        affine_ras: ArrayLike | None = None,
        randomize: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw, keep what was drawn in ``insertions``, and insert (see :class:`InsertNodules`).

        Args:
            image: shape (1, X, Y, Z), HU.
            label: shape of ``image``.
            lungs: shape of ``image``.
            affine_ras: from voxel index to RAS mm; the image's own by default, or 1 mm.
            randomize: draw anew; else insert what was drawn last.
        """
        affine = affine_of(image, affine_ras)
        if not randomize:
            return self.insert(image, label, lungs, self.insertions, affine)
        self.randomize((image, label, lungs, affine))
        scene, self._scene = self._scene, None
        if scene is None or not self.insertions:
            return image, label
        return self.insert.into(scene, self.insertions, image, label)


class RandInsertNodulesd(RandomizableTransform, InsertionKeys):
    """Dictionary form of :class:`RandInsertNodules`.

    The item gets the records of what was inserted, with which :class:`InsertNodulesd` does it
    again.

    Args:
        keys: the image, one key.
        shapes: nodule shapes by their ids.
        label_key: the labels, which change too.
        lungs_key: the lung mask.
        insertions_key: where the records go, as :func:`to_json` writes them.
        affine_key: see :class:`InsertionKeys`.
        options: see :class:`RandInsertNodules`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        shapes: Shapes,
        label_key: str = "label",
        lungs_key: str = "lungs",
        insertions_key: str = "insertions",
        affine_key: str = "affine",
        **options: Any,
    ) -> None:
        InsertionKeys.__init__(self, keys, label_key, lungs_key, insertions_key, affine_key)
        RandomizableTransform.__init__(self)
        self.insert = RandInsertNodules(shapes, **options)

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> RandInsertNodulesd:
        """Seed the draws."""
        super().set_random_state(seed, state)
        self.insert.set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw and insert."""
        result = dict(data)
        for key in self.key_iterator(result):
            image, label, lungs, affine = self.parts_of(result, key)
            result[key], result[self.label_key] = self.insert(image, label, lungs, affine)
            result[self.insertions_key] = to_json(self.insert.insertions)
        return result
