"""Insert nodules into an image as augmentation: drawn parameters apart from their effect.

``RandInsertNodules`` draws :class:`NoduleInsertion` records and ``InsertNodules`` applies them;
the same records on the same image give the same voxels. The dictionary forms keep the records in
the item, as JSON text that any collation carries along.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTransform, Transform
from monai.utils import ensure_tuple
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from transforms.geometry import LPS_TO_RAS, Geometry
from transforms.ignore_label import IGNORE_LABEL
from transforms.nodule_insertion import (
    NoduleShapeLike,
    draw_place,
    insert_nodule,
    random_rotation,
)
from transforms.nodule_position import Attachment, LungField

_CLOSING_MM = 4.0

Shapes = Mapping[str, NoduleShapeLike]
"""Nodule shapes by their ids; looking one up may raise a ValueError, and it is then left out."""

Sphere = tuple[tuple[float, float, float], float]


@dataclass(frozen=True)
class NoduleInsertion:
    """All that decides how one nodule is inserted.

    Args:
        shape_id: which shape.
        center_lps_mm: where its centre goes, in the LPS space of the image's affine.
        rotation: 3x3 orthogonal matrix, row by row.
        scale: factor on the shape's size.
        attachment: what it is placed at.
        blur_sigma_mm: of the scanner's point spread.
        seed: of its unevenness, texture and strands.
    """

    shape_id: str
    center_lps_mm: tuple[float, float, float]
    rotation: tuple[tuple[float, ...], ...]
    scale: float
    attachment: Attachment
    blur_sigma_mm: float
    seed: int


def to_json(insertions: Sequence[NoduleInsertion]) -> str:
    """Write records as JSON text, every number in full."""
    return json.dumps([asdict(insertion) for insertion in insertions])


def from_json(text: str) -> tuple[NoduleInsertion, ...]:
    """Read records from JSON text.

    Raises:
        ValueError: the text is none that :func:`to_json` wrote.
    """
    try:
        return tuple(
            NoduleInsertion(
                shape_id=str(row["shape_id"]),
                center_lps_mm=tuple(map(float, row["center_lps_mm"])),  # type: ignore[arg-type]
                rotation=tuple(tuple(map(float, line)) for line in row["rotation"]),
                scale=float(row["scale"]),
                attachment=Attachment(row["attachment"]),
                blur_sigma_mm=float(row["blur_sigma_mm"]),
                seed=int(row["seed"]),
            )
            for row in json.loads(text)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a list of nodule insertions: {error}") from error


@dataclass(frozen=True, eq=False)
class _Scene:
    """Image and labels as the renderer takes them; both are copies."""

    hu: NDArray[Any]
    labels: NDArray[np.uint8]
    lung: NDArray[np.bool_]
    geometry: Geometry

    @classmethod
    def of(
        cls,
        image: torch.Tensor,
        label: torch.Tensor,
        lungs: torch.Tensor,
        affine_ras: ArrayLike,
        air_below_hu: float | None,
    ) -> _Scene:
        if not (image.ndim == 4 and image.shape[0] == 1 and image.shape == label.shape):
            raise ValueError(
                f"image {tuple(image.shape)} and label {tuple(label.shape)} must both have the "
                "shape (1, X, Y, Z)"
            )
        if lungs.shape != image.shape:
            raise ValueError(f"lungs {tuple(lungs.shape)} must be as image {tuple(image.shape)}")
        hu = _array(image).copy()
        geometry = Geometry(hu.shape, LPS_TO_RAS @ np.asarray(affine_ras, dtype=np.float64))
        lung = _array(lungs) > 0
        if air_below_hu is not None:
            lung = _tissue(lung, hu, geometry, air_below_hu)
        labels = _array(label).astype(np.uint8)
        return cls(hu, labels, lung, geometry)

    def occupied(self) -> list[Sphere]:
        """A sphere (LPS mm) around each labelled thing, known or to be ignored."""
        parts, _ = ndimage.label(self.labels > 0)
        spheres = []
        for number, box in enumerate(ndimage.find_objects(parts), start=1):
            inside = np.argwhere(parts[box] == number) + [axis.start for axis in box]
            points = self.geometry.index_to_lps(inside)
            x, y, z = (points.min(axis=0) + points.max(axis=0)) / 2
            reach = float(np.linalg.norm(points - (x, y, z), axis=1).max())
            spheres.append(((float(x), float(y), float(z)), reach))
        return spheres

    def insert(self, insertion: NoduleInsertion, shape: NoduleShapeLike) -> bool:
        """Insert one nodule under the next free label; tell whether there is any of it."""
        used = self.labels[self.labels != IGNORE_LABEL]
        label = int(used.max(initial=0)) + 1
        if label == IGNORE_LABEL:
            raise ValueError(f"no label is left for a nodule: {label - 1} are used")
        record = insert_nodule(
            self.hu,
            self.labels,
            self.geometry,
            self.lung,
            shape,
            insertion.center_lps_mm,
            rng=np.random.default_rng(insertion.seed),
            label=label,
            attachment=insertion.attachment,
            rotation=insertion.rotation,
            scale=insertion.scale,
            blur_sigma_mm=insertion.blur_sigma_mm,
        )
        return record is not None


def _tissue(
    region: NDArray[np.bool_], hu: NDArray[Any], geometry: Geometry, air_below_hu: float
) -> NDArray[np.bool_]:
    """The lung inside a generous region: its air, closed over vessels a few millimetres thick."""
    times = max(round(_CLOSING_MM / min(geometry.spacing_irc_mm)), 1)
    air = np.pad(region & (hu < air_below_hu), times, mode="edge")
    closed = ndimage.binary_closing(air, iterations=times)
    return np.asarray(closed[tuple(slice(times, -times) for _ in range(3))] & region)


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    """The one channel of a tensor."""
    return np.asarray(torch.Tensor.numpy(tensor.detach().cpu()[0]))


def _like(array: NDArray[Any], original: torch.Tensor) -> torch.Tensor:
    """An array (X, Y, Z) in the type, place and kind of tensor of its original."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)[np.newaxis])
    tensor = tensor.to(dtype=original.dtype, device=original.device)
    if not isinstance(original, MetaTensor):
        return tensor
    result: torch.Tensor = MetaTensor(tensor, meta=dict(original.meta))
    return result


class InsertNodules(Transform):
    """Insert nodules of given shapes at given places.

    Args:
        shapes: nodule shapes by their ids.
        air_below_hu: the lung mask is a generous region (as
            :class:`transforms.lungs.LungRegiond` makes it), and lung is what in it is air below
            this value, closed over vessels; None where the mask is of the lungs themselves.
    """

    def __init__(self, shapes: Shapes, air_below_hu: float | None = -400.0) -> None:
        self.shapes = shapes
        self.air_below_hu = air_below_hu

    def __call__(
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
        affine = _affine(image, affine_ras)
        scene = _Scene.of(image, label, lungs, affine, self.air_below_hu)
        return self._into(scene, insertions, image, label)

    def _into(
        self,
        scene: _Scene,
        insertions: Sequence[NoduleInsertion],
        image: torch.Tensor,
        label: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        for insertion in insertions:
            scene.insert(insertion, self.shapes[insertion.shape_id])
        return _like(scene.hu, image), _like(scene.labels, label)


def _affine(image: torch.Tensor, given: ArrayLike | None) -> NDArray[np.float64]:
    if given is not None:
        return np.asarray(given, dtype=np.float64)
    if isinstance(image, MetaTensor):
        return np.asarray(image.affine.cpu(), dtype=np.float64)
    return np.eye(4)


class RandInsertNodules(RandomizableTransform):
    r"""Insert nodules of random shape, size, turn and place into the lung of an image.

    With probability ``prob``, :math:`n \sim \mathcal{U}\{a, b\}` nodules are inserted, each with

    - a shape drawn by ``weights``, scaled by :math:`s \sim \mathcal{U}(s_0, s_1)`, rotated
      uniformly over all rotations, mirrored half of the time;
    - a place free in the lung, at a vessel or at the pleura, as often as ``attachment_shares``
      says, away from what is labelled already; one that finds no room is left out;
    - a blur of :math:`\sigma \sim \mathcal{U}(\sigma_0, \sigma_1)` mm.

    Args:
        shapes: nodule shapes by their ids.
        prob: how often anything is inserted.
        count: fewest and most nodules.
        weights: how often each shape, in the order of ``shapes``; equally often by default.
        scale_range: least and greatest factor on a shape's size.
        attachment_shares: of free, at a vessel, at the pleura.
        blur_sigma_range_mm: least and greatest blur.
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
        self.insert = InsertNodules(shapes, air_below_hu)
        self.insertions: tuple[NoduleInsertion, ...] = ()
        self._scene: _Scene | None = None

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
        scene = _Scene.of(image, label, lungs, affine, self.insert.air_below_hu)
        if scene.lung.any():
            self._scene = scene
            self.insertions = self._draw(scene, np.random.default_rng(seed))

    def _draw(self, scene: _Scene, rng: np.random.Generator) -> tuple[NoduleInsertion, ...]:
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
            drawn.append(
                NoduleInsertion(shape_id, (x, y, z), turn, scale, place[1], blur_sigma_mm, seed)
            )
        return tuple(drawn)

    def __call__(
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
        affine = _affine(image, affine_ras)
        if not randomize:
            return self.insert(image, label, lungs, self.insertions, affine)
        self.randomize((image, label, lungs, affine))
        scene, self._scene = self._scene, None
        if scene is None or not self.insertions:
            return image, label
        return self.insert._into(scene, self.insertions, image, label)


class InsertNodulesd(MapTransform):
    """Dictionary form of :class:`InsertNodules`, which replays what an item says.

    Args:
        keys: the image, one key.
        shapes: nodule shapes by their ids.
        label_key: the labels, which change too.
        lungs_key: the lung mask.
        insertions_key: the records, as :func:`to_json` writes them.
        affine_key: from voxel index to RAS mm, optional in the item; an image that is a
            MetaTensor has its own.
        air_below_hu: see :class:`InsertNodules`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        shapes: Shapes,
        label_key: str = "label",
        lungs_key: str = "lungs",
        insertions_key: str = "insertions",
        affine_key: str = "affine",
        air_below_hu: float | None = -400.0,
    ) -> None:
        super().__init__(_one_key(keys))
        self.label_key = label_key
        self.lungs_key = lungs_key
        self.insertions_key = insertions_key
        self.affine_key = affine_key
        self.insert = InsertNodules(shapes, air_below_hu)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Insert."""
        result = dict(data)
        for key in self.key_iterator(result):
            image, label, lungs, affine = _parts(self, key, result)
            insertions = from_json(result[self.insertions_key])
            result[key], result[self.label_key] = self.insert(
                image, label, lungs, insertions, affine
            )
        return result


class RandInsertNodulesd(RandomizableTransform, MapTransform):
    """Dictionary form of :class:`RandInsertNodules`.

    The item gets the records of what was inserted, with which :class:`InsertNodulesd` does it
    again.

    Args:
        keys: the image, one key.
        shapes: nodule shapes by their ids.
        label_key: the labels, which change too.
        lungs_key: the lung mask.
        insertions_key: where the records go, as :func:`to_json` writes them.
        affine_key: see :class:`InsertNodulesd`.
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
        MapTransform.__init__(self, _one_key(keys))
        RandomizableTransform.__init__(self)
        self.label_key = label_key
        self.lungs_key = lungs_key
        self.insertions_key = insertions_key
        self.affine_key = affine_key
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
            image, label, lungs, affine = _parts(self, key, result)
            result[key], result[self.label_key] = self.insert(image, label, lungs, affine)
            result[self.insertions_key] = to_json(self.insert.insertions)
        return result


def _one_key(keys: KeysCollection) -> tuple[Hashable, ...]:
    given = ensure_tuple(keys)
    if len(given) != 1:
        raise ValueError(f"nodules go into one image, got the keys {given}")
    return tuple(given)


def _parts(
    transform: InsertNodulesd | RandInsertNodulesd, key: Hashable, item: Mapping[Hashable, Any]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, ArrayLike | None]:
    image = item[key]
    affine = None if isinstance(image, MetaTensor) else item.get(transform.affine_key)
    return image, item[transform.label_key], item[transform.lungs_key], affine
