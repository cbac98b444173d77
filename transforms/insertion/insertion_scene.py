"""Image, labels and lung as the renderer of nodules takes them, from tensors and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.insertion.nodule_insertion import NoduleShapeLike, insert_nodule
from nodulus.transforms.insertion.nodule_insertion_record import NoduleInsertion

_CLOSING_MM = 4.0

Sphere = tuple[tuple[float, float, float], float]


@dataclass(frozen=True, eq=False)
class Scene:
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
    ) -> Scene:
        """Copy image, label and lungs, each (1, X, Y, Z); see ``InsertNodules`` for the rest.

        Raises:
            ValueError: the three differ in shape.
        """
        if not (image.ndim == 4 and image.shape[0] == 1 and image.shape == label.shape):
            raise ValueError(
                f"image {tuple(image.shape)} and label {tuple(label.shape)} must both have the "
                "shape (1, X, Y, Z)"
            )
        if lungs.shape != image.shape:
            raise ValueError(f"lungs {tuple(lungs.shape)} must be as image {tuple(image.shape)}")
        hu = array_of(image).copy()
        geometry = Geometry(hu.shape, LPS_TO_RAS @ np.asarray(affine_ras, dtype=np.float64))
        lung = array_of(lungs) > 0
        if air_below_hu is not None:
            lung = _tissue(lung, hu, geometry, air_below_hu)
        labels = array_of(label).astype(np.uint8)
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
            wall_mm=insertion.wall_mm,
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


def array_of(tensor: torch.Tensor) -> NDArray[Any]:
    """The one channel of a tensor."""
    return np.asarray(torch.Tensor.numpy(tensor.detach().cpu()[0]))


def like(array: NDArray[Any], original: torch.Tensor) -> torch.Tensor:
    """An array (X, Y, Z) in the type, place and kind of tensor of its original."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)[np.newaxis])
    tensor = tensor.to(dtype=original.dtype, device=original.device)
    if not isinstance(original, MetaTensor):
        return tensor
    result: torch.Tensor = MetaTensor(tensor, meta=dict(original.meta))
    return result


def affine_of(image: torch.Tensor, given: ArrayLike | None) -> NDArray[np.float64]:
    """From voxel index to RAS mm: as given, else the image's own, else 1 mm."""
    if given is not None:
        return np.asarray(given, dtype=np.float64)
    if isinstance(image, MetaTensor):
        return np.asarray(image.affine.cpu(), dtype=np.float64)
    return np.eye(4)
