"""Fresh nodules for the classifiers: a crop around a nodule inserted for this one look."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable
from numpy.typing import NDArray

from nodulus.transforms.blocks import box_between
from nodulus.transforms.geometry import apply_affine
from nodulus.transforms.insertion.nodule_insertion_record import to_json
from nodulus.transforms.insertion.rand_insert_nodules import RandInsertNodules
from nodulus.transforms.insertion.replay_insertion import Shapes
from nodulus.transforms.patch_sampling import RandCropAroundPointd, lps_to_voxel
from nodulus.transforms.patches import crop_cube, cube_start

_SURROUNDINGS_VOXELS = 24


class RandInsertedNoduleCropd(Randomizable, MapTransform):
    """Cut a cube around the item's point, or around a nodule inserted elsewhere in its scan.

    An item is replaced with probability ``prob`` by a fresh nodule of its own class, so that the
    balance of a sampler stays and a classifier hardly ever sees one nodule twice. A class without
    weights is never replaced; nor is an item of another ``source`` than the one given, such as a
    false alarm among the benign.

    The item must hold ``affine`` (4, 4) to RAS mm, ``lungs`` and ``label`` (1, X, Y, Z) and voxel
    indices ``inside`` (m, 3) of the lungs; without a label nothing is inserted. What was inserted
    is in ``insertions``, as :func:`nodulus.transforms.insertion.nodule_insertion_record.to_json`
    writes it.

    Args:
        keys: the image, one key.
        shapes: nodule shapes by their ids.
        weights: for each class (the item's target) how often each shape, in the order of
            ``shapes``.
        prob: how often an item of such a class is replaced.
        source: of the items that may be replaced; None for all.
        size: edge of the cube in voxels.
        fill: value outside the volume.
        jitter_voxels: largest shift along each axis.
        attempts: places that are tried before the item is cut as it is.
        keep: keys that go into the result beside the cube.
        target_key: 0 or 1, one number.
        options: see :class:`nodulus.transforms.insertion.rand_insert_nodules.RandInsertNodules`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        shapes: Shapes,
        weights: Mapping[int, Sequence[float]],
        prob: float = 0.5,
        source: str | None = None,
        size: int = 48,
        fill: float = -1024,
        jitter_voxels: int = 0,
        attempts: int = 1,
        keep: Sequence[str] = (),
        target_key: str = "target",
        **options: Any,
    ) -> None:
        super().__init__(keys)
        self.crop = RandCropAroundPointd(
            self.keys, size, (fill,), jitter_voxels, keep=(*keep, target_key)
        )
        self.inserters = {
            int(target): RandInsertNodules(
                shapes, prob=1.0, count=(1, 1), weights=chances, **options
            )
            for target, chances in weights.items()
        }
        self.prob = prob
        self.source = source
        self.size = size
        self.fill = fill
        self.jitter_voxels = jitter_voxels
        self.attempts = attempts
        self.keep = tuple(keep)
        self.target_key = target_key

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> RandInsertedNoduleCropd:
        """Seed the draws."""
        super().set_random_state(seed, state)
        self.crop.set_random_state(state=self.R)
        for inserter in self.inserters.values():
            inserter.set_random_state(state=self.R)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut."""
        inserter = self.inserters.get(int(np.asarray(data[self.target_key]).item()))
        replaceable = self.source is None or data.get("source") == self.source
        if inserter is not None and replaceable and "label" in data and self.R.rand() < self.prob:
            for _ in range(self.attempts):
                fresh = self._inserted(data, inserter)
                if fresh is not None:
                    return fresh
        return {**self.crop(data), "insertions": to_json(())}

    def _inserted(
        self, data: Mapping[Hashable, Any], inserter: RandInsertNodules
    ) -> dict[Hashable, Any] | None:
        """The cube around a fresh nodule; None where there was no room for one."""
        (key,) = self.keys
        edge = self.size + _SURROUNDINGS_VOXELS
        middle = np.asarray(data["inside"][self.R.randint(len(data["inside"]))], dtype=np.float64)
        affine = np.asarray(data["affine"], dtype=np.float64)
        start = cube_start(middle, edge)
        patch_affine = affine.copy()
        patch_affine[:3, 3] = apply_affine(affine, start)
        image, label, lungs = (
            crop_cube(torch.as_tensor(data[name]), middle, edge, fill)
            for name, fill in ((key, self.fill), ("label", 0), ("lungs", 0))
        )
        image, _ = inserter(image, label, lungs, patch_affine)
        if not inserter.insertions:
            return None
        center = lps_to_voxel(inserter.insertions[0].center_lps_mm, affine) + self._jitter()
        # The nodule lies anywhere in the patch; the cube around it goes on beyond the patch, or a
        # border of air so near would tell the classifier that it is a nodule.
        whole = torch.as_tensor(data[key])
        cube = crop_cube(whole, center, self.size, self.fill)
        cube_at = cube_start(center, self.size)
        first = np.maximum(np.maximum(start, cube_at), 0)
        last = np.minimum(np.minimum(start + edge, cube_at + self.size), whole.shape[1:])
        into, out_of = (box_between(first - at, last - at) for at in (cube_at, start))
        cube[(slice(None), *into)] = image[(slice(None), *out_of)]
        return {
            key: cube,
            self.target_key: data[self.target_key],
            **{name: data[name] for name in self.keep},
            "insertions": to_json(inserter.insertions),
        }

    def _jitter(self) -> NDArray[np.int64]:
        reach = self.jitter_voxels
        return np.asarray(self.R.randint(-reach, reach + 1, size=3))
