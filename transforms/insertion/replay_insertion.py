"""Insert nodules into an image as records say: the same records give the same voxels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import ensure_tuple
from numpy.typing import ArrayLike

from nodulus.transforms.insertion.insertion_scene import Scene, affine_of, like
from nodulus.transforms.insertion.nodule_insertion import NoduleShapeLike
from nodulus.transforms.insertion.nodule_insertion_record import NoduleInsertion, from_json

Shapes = Mapping[str, NoduleShapeLike]
"""Nodule shapes by their ids; looking one up may raise a ValueError, and it is then left out."""


class InsertNodules(Transform):
    """Insert nodules of given shapes at given places.

    Args:
        shapes: nodule shapes by their ids.
        air_below_hu: the lung mask is a generous region (as
            :class:`nodulus.transforms.network_space.NetworkSpaced` makes it), and lung is what in
            it is air below this value, closed over vessels; None where the mask is of the lungs
            themselves.
    """

    def __init__(self, shapes: Shapes, air_below_hu: float | None = -400.0) -> None:
        self.shapes = shapes
        self.air_below_hu = air_below_hu

    def __call__(  # type: ignore[override]  # of several arrays
        self,
        image: torch.Tensor,
        label: torch.Tensor,
        lungs: torch.Tensor,
        insertions: Sequence[NoduleInsertion],
        affine_ras: ArrayLike | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the image and the labels with the nodules; what is given is not changed.

        Args:
            image: shape (1, X, Y, Z), HU.
            label: shape of ``image``: 0, nodules 1 to 254, and 255 for what nobody has labelled.
            lungs: shape of ``image``.
            insertions: what to insert.
            affine_ras: from voxel index to RAS mm; the image's own by default, or 1 mm.

        Raises:
            KeyError: there is no such shape.
            ValueError: the three differ in shape, or no label is left.
        """
        if not insertions:
            return image, label
        affine = affine_of(image, affine_ras)
        scene = Scene.of(image, label, lungs, affine, self.air_below_hu)
        return self.into(scene, insertions, image, label)

    def into(
        self,
        scene: Scene,
        insertions: Sequence[NoduleInsertion],
        image: torch.Tensor,
        label: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Insert into a scene of the image and the label, and return both with the nodules."""
        for insertion in insertions:
            scene.insert(insertion, self.shapes[insertion.shape_id])
        return like(scene.hu, image), like(scene.labels, label)


class InsertionKeys(MapTransform):
    """The keys of an item that inserting nodules reads and writes.

    Args:
        keys: the image, one key.
        label_key: the labels, which change too.
        lungs_key: the lung mask.
        insertions_key: the records, as :func:`to_json` writes them.
        affine_key: from voxel index to RAS mm, optional in the item; an image that is a
            MetaTensor has its own.

    Raises:
        ValueError: more keys than one.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str = "label",
        lungs_key: str = "lungs",
        insertions_key: str = "insertions",
        affine_key: str = "affine",
    ) -> None:
        given = ensure_tuple(keys)
        if len(given) != 1:
            raise ValueError(f"nodules go into one image, got the keys {given}")
        super().__init__(given)
        self.label_key = label_key
        self.lungs_key = lungs_key
        self.insertions_key = insertions_key
        self.affine_key = affine_key

    def parts_of(
        self, item: Mapping[Hashable, Any], key: Hashable
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, ArrayLike | None]:
        """Image, labels, lungs and affine of an item; a MetaTensor has an affine of its own."""
        image = item[key]
        affine = None if isinstance(image, MetaTensor) else item.get(self.affine_key)
        return image, item[self.label_key], item[self.lungs_key], affine


class InsertNodulesd(InsertionKeys):
    """Dictionary form of :class:`InsertNodules`, which replays what an item says.

    Args:
        keys: the image, one key.
        shapes: nodule shapes by their ids.
        air_below_hu: see :class:`InsertNodules`.
        other_keys: see :class:`InsertionKeys`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        shapes: Shapes,
        air_below_hu: float | None = -400.0,
        **other_keys: str,
    ) -> None:
        super().__init__(keys, **other_keys)
        self.insert = InsertNodules(shapes, air_below_hu)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Insert."""
        result = dict(data)
        for key in self.key_iterator(result):
            image, label, lungs, affine = self.parts_of(result, key)
            insertions = from_json(result[self.insertions_key])
            result[key], result[self.label_key] = self.insert(
                image, label, lungs, insertions, affine
            )
        return result
