"""Insert nodules of given shapes into a chest CT, with their exact labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_closing, binary_dilation, generate_binary_structure

from nodulus.transforms.blocks import Box
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.insertion.air_replacement import as_dtype
from nodulus.transforms.insertion.nodule_position import Attachment, LungField, choose_position
from nodulus.transforms.insertion.nodule_rendering import RenderedNodule, render_nodule

FloatArray = NDArray[np.float64]
MAX_NODULES = 255
_PLACES_TO_TRY = 5
_BALL = generate_binary_structure(3, 1)

__all__ = [
    "Attachment",
    "InsertedNodule",
    "LungField",
    "NoduleRatings",
    "NoduleShapeLike",
    "choose_position",
    "draw_place",
    "insert_nodule",
    "insert_nodules",
    "random_rotation",
]


class NoduleRatings(Protocol):
    """The LIDC-IDRI ratings that a nodule's looks and label follow from."""

    @property
    def texture(self) -> float: ...  # noqa: D102
    @property
    def calcification(self) -> float: ...  # noqa: D102
    @property
    def margin(self) -> float: ...  # noqa: D102
    @property
    def spiculation(self) -> float: ...  # noqa: D102
    @property
    def malignancy(self) -> float: ...  # noqa: D102


class NoduleShapeLike(Protocol):
    """A nodule's form: signed distances on an isotropic (z, y, x) grid, its centre, its ratings."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def sdf_mm(self) -> NDArray[np.float32]: ...  # noqa: D102
    @property
    def spacing_mm(self) -> float: ...  # noqa: D102
    @property
    def center_irc(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def equivalent_diameter_mm(self) -> float: ...  # noqa: D102
    @property
    def ratings(self) -> NoduleRatings: ...  # noqa: D102


@dataclass(frozen=True)
class InsertedNodule:
    """The truth about one inserted nodule.

    Args:
        label: its value in the label volume.
        center_lps_mm: centroid of its labelled voxels.
        diameter_mm: diameter of the sphere of its volume.
        shape_id: the shape it was made from.
        ratings: the shape's ratings.
        attachment: what it was placed at.
        scale: factor on the shape's size.
    """

    label: int
    center_lps_mm: tuple[float, float, float]
    diameter_mm: float
    shape_id: str
    ratings: NoduleRatings
    attachment: Attachment
    scale: float


def random_rotation(rng: np.random.Generator, mirror: bool = True) -> FloatArray:
    """Draw an orthogonal 3x3 matrix, uniform over all rotations, mirrored half of the time.

    From the QR decomposition of a Gaussian matrix with the signs of R's diagonal taken out
    (Mezzadri, Notices of the AMS 54(5), 2007).

    Args:
        rng: source of randomness.
        mirror: whether to mirror at all.
    """
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q = -q
    if mirror and rng.random() < 0.5:
        q = -q
    return np.asarray(q)


def insert_nodules(
    hu: NDArray[np.generic],
    geometry: Geometry,
    lung_mask: NDArray[np.bool_],
    shapes: Sequence[NoduleShapeLike],
    rng: np.random.Generator,
    *,
    attachment_shares: tuple[float, float, float] = (0.45, 0.25, 0.3),
    scale_range: tuple[float, float] = (0.9, 1.1),
    blur_sigma_mm: float = 0.5,
    avoid: Sequence[tuple[tuple[float, float, float], float]] = (),
    field: LungField | None = None,
) -> tuple[NDArray[np.generic], NDArray[np.uint8], list[InsertedNodule]]:
    """Insert each shape once, rotated, mirrored and scaled at random.

    Args:
        hu: the volume, shape (I, R, C), Hounsfield units; not changed.
        geometry: of ``hu``.
        lung_mask: where the lungs are, shape (I, R, C).
        shapes: what to insert; the largest find their place first.
        rng: source of randomness.
        attachment_shares: how often a nodule is free, at a vessel, at the pleura.
        scale_range: least and greatest factor on a shape's size.
        blur_sigma_mm: of the scanner's point spread.
        avoid: centres (LPS mm) and radii (mm) to keep away from, such as known nodules.
        field: the lungs' distances, where they are at hand from an earlier call.

    Returns:
        The new volume in the type of ``hu``; labels 1 to n (uint8, 0 elsewhere); one record a
        nodule in the order of the labels. A shape for which the lungs have no room is left out.

    Raises:
        ValueError: more than 255 shapes, an empty lung mask, or shapes that disagree.
    """
    if len(shapes) > MAX_NODULES:
        raise ValueError(f"at most {MAX_NODULES} nodules fit a uint8 label, got {len(shapes)}")
    lungs = field or LungField.of(lung_mask, geometry, hu)
    result = hu.copy()
    labels = np.zeros(hu.shape, dtype=np.uint8)
    records: list[InsertedNodule] = []
    taken = [*avoid]
    for shape in sorted(shapes, key=lambda s: -s.equivalent_diameter_mm):
        scale = float(rng.uniform(*scale_range))
        radius_mm = 0.5 * shape.equivalent_diameter_mm * scale
        for _ in range(_PLACES_TO_TRY):
            place = draw_place(lungs, radius_mm, attachment_shares, rng, taken)
            if place is None:
                break
            center, kind = place
            record = insert_nodule(
                result,
                labels,
                geometry,
                lung_mask,
                shape,
                center,
                rng=rng,
                label=len(records) + 1,
                attachment=kind,
                rotation=random_rotation(rng),
                scale=scale,
                blur_sigma_mm=blur_sigma_mm,
            )
            if record is not None:
                taken.append((record.center_lps_mm, radius_mm))
                records.append(record)
                break
    return result, labels, records


def insert_nodule(
    hu: NDArray[np.generic],
    labels: NDArray[np.uint8],
    geometry: Geometry,
    lung_mask: NDArray[np.bool_],
    shape: NoduleShapeLike,
    center_lps_mm: ArrayLike,
    *,
    rng: np.random.Generator,
    label: int,
    attachment: Attachment,
    rotation: ArrayLike,
    scale: float = 1.0,
    blur_sigma_mm: float = 0.5,
    wall_mm: float | None = None,
) -> InsertedNodule | None:
    """Insert one nodule at a given place; ``hu`` and ``labels`` are changed.

    Args:
        hu: the volume, shape (I, R, C), Hounsfield units.
        labels: shape of ``hu``; only voxels that are 0 take the new label.
        geometry: of both.
        lung_mask: where the lungs are, shape of ``hu``; a nodule at the pleura is cut by it.
        shape: the nodule's form.
        center_lps_mm: where its centre goes.
        rng: of its unevenness, texture and strands.
        label: its value in ``labels``.
        attachment: what it is placed at.
        rotation: 3x3 orthogonal matrix from the shape's LPS axes to the patient's.
        scale: factor on the shape's size.
        blur_sigma_mm: of the scanner's point spread.
        wall_mm: thickness of a cavity's wall; None for no cavity.

    Returns:
        The truth about it; None, and nothing is changed, where no voxel would be labelled or a
        nodule at the pleura would have its centre outside the lungs.

    Raises:
        ValueError: see :func:`nodulus.transforms.insertion.nodule_rendering.render_nodule`.
    """
    rendered = render_nodule(
        hu,
        geometry,
        shape.sdf_mm,
        shape.spacing_mm,
        center_lps_mm,
        rng=rng,
        sdf_center_irc=shape.center_irc,
        rotation=rotation,
        scale=scale,
        texture=shape.ratings.texture,
        calcification=shape.ratings.calcification,
        margin=shape.ratings.margin,
        spiculation=shape.ratings.spiculation,
        blur_sigma_mm=blur_sigma_mm,
        wall_mm=wall_mm,
    )
    new_hu, mask = rendered.hu, rendered.mask
    lung: NDArray[np.bool_] | None = None
    if attachment is Attachment.PLEURA:
        lung = _closed_lung(lung_mask[rendered.box], geometry)
        new_hu, mask = _cut_at_pleura(rendered, hu, lung)
    mask = mask & (labels[rendered.box] == 0)
    if not mask.any() or (lung is not None and not _holds_centroid(lung, mask)):
        return None
    hu[rendered.box] = as_dtype(new_hu, hu.dtype)
    labels[rendered.box][mask] = label
    share = float(np.count_nonzero(mask) / np.count_nonzero(rendered.mask))
    diameter_mm = shape.equivalent_diameter_mm * scale * share ** (1.0 / 3.0)
    centroid = _centroid_lps_mm(mask, rendered.box, geometry)
    return InsertedNodule(label, centroid, diameter_mm, shape.id, shape.ratings, attachment, scale)


def draw_place(
    lungs: LungField,
    radius_mm: float,
    shares: tuple[float, float, float],
    rng: np.random.Generator,
    taken: Sequence[tuple[tuple[float, float, float], float]],
) -> tuple[FloatArray, Attachment] | None:
    """Draw a kind by its share and a place for it; the other kinds where it has none.

    Args:
        lungs: the lungs.
        radius_mm: the nodule's equivalent radius.
        shares: how often a nodule is free, at a vessel, at the pleura.
        rng: source of randomness.
        taken: centres (LPS mm) and radii (mm) to keep away from.

    Returns:
        The centre in LPS mm and what it touches; None where the lungs have no room.
    """
    kinds = list(Attachment)
    chances = np.asarray(shares, dtype=np.float64) / sum(shares)
    first = int(rng.choice(len(kinds), p=chances))
    for k in [first, *(k for k in range(len(kinds)) if k != first and shares[k] > 0)]:
        center = choose_position(lungs, radius_mm, kinds[k], rng, avoid=taken)
        if center is not None:
            return center, kinds[k]
    return None


def _closed_lung(lung_mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """The lung with the vessels that its mask leaves out, which would leave holes in a nodule."""
    times = max(round(2.0 / min(geometry.spacing_irc_mm)), 1)
    padded = np.pad(lung_mask, times, mode="edge")
    closed = binary_closing(padded, _BALL, iterations=times)
    return np.asarray(closed[tuple(slice(times, -times) for _ in range(3))])


def _cut_at_pleura(
    rendered: RenderedNodule, hu: NDArray[np.generic], lung: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Keep a nodule inside the pleura: it lies against the chest wall, it does not grow into it."""
    old = hu[rendered.box].astype(np.float32)
    return np.where(binary_dilation(lung, _BALL), rendered.hu, old), rendered.mask & lung


def _holds_centroid(lung: NDArray[np.bool_], mask: NDArray[np.bool_]) -> bool:
    return bool(lung[tuple(np.rint(np.argwhere(mask).mean(axis=0)).astype(int))])


def _centroid_lps_mm(
    mask: NDArray[np.bool_], box: Box, geometry: Geometry
) -> tuple[float, float, float]:
    start = np.array([axis.start for axis in box])
    x, y, z = geometry.index_to_lps(np.argwhere(mask).mean(axis=0) + start)
    return float(x), float(y), float(z)
