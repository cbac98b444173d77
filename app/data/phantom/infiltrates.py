"""Infiltrates and airway disease: what a detector finds in sick lungs and is no nodule.

They are put into a finished volume, synthetic or real, after its nodules and clear of them, so
that no nodule is hidden and no label changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, binary_dilation, distance_transform_edt, gaussian_filter

from nodulus.app.data.phantom.airway_disease import (
    AIRWAY_KINDS,
    Strokes,
    draw_strokes,
    painted_share,
)
from nodulus.app.data.phantom.infiltrate_form import Infiltrate, bronchogram, filled_share
from nodulus.app.data.phantom.lesions import Lesion, PhantomLesionKind
from nodulus.app.data.phantom.recipe import InfiltrateRecipe, draw_count
from nodulus.transforms.blocks import Box, box_between
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.insertion.air_replacement import as_dtype, replace_air
from nodulus.transforms.insertion.nodule_insertion import random_rotation
from nodulus.transforms.insertion.nodule_position import LungField

FloatArray = NDArray[np.float32]
Points = NDArray[np.float64]
Sphere = tuple[tuple[float, float, float], float]

PATCH_KINDS = (
    PhantomLesionKind.GROUND_GLASS, PhantomLesionKind.CONSOLIDATION, PhantomLesionKind.CRAZY_PAVING,
    PhantomLesionKind.REVERSED_HALO, PhantomLesionKind.ATELECTASIS,
)  # fmt: skip
_USUAL = np.array([1.2, 1.2, 0.5, 0.25, 0.6])
_CLEAR_MM = 3.0
_TRIES = 40
_LUMEN_HU = -940.0
_AERATED_HU = -350.0


@dataclass(frozen=True, eq=False)
class Disease:
    """What was put into a study.

    Args:
        lesions: with their centres in LPS mm.
        points_lps_mm: places in them that may be taken for a nodule, shape (n, 3); one of each
            comes first.
    """

    lesions: list[Lesion]
    points_lps_mm: Points


def draw_counts(
    recipe: InfiltrateRecipe, on_background: bool, rng: np.random.Generator
) -> tuple[int, int]:
    """Numbers of patches and of airway changes in a study; none in most."""
    share = recipe.background_probability if on_background else recipe.probability
    if rng.random() >= share:
        return 0, 0
    low, high = recipe.patches
    # Few more often than many.
    patches = int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))
    return patches, draw_count(recipe.airway_changes, rng)


def add_disease(
    hu: NDArray[np.generic],
    labels: NDArray[np.uint8],
    geometry: Geometry,
    field: LungField,
    lungs: NDArray[np.bool_],
    recipe: InfiltrateRecipe,
    rng: np.random.Generator,
    *,
    on_background: bool,
    margin_mm: float = 0.0,
    avoid: Sequence[Sphere] = (),
) -> Disease:
    """Draw and paint infiltrates and airway changes; ``hu`` is changed, ``labels`` is not.

    Args:
        hu: shape (I, R, C), Hounsfield units.
        labels: shape of ``hu``; the nodules stay clear.
        geometry: of both.
        field: the lungs' distances.
        lungs: shape of ``hu``.
        recipe: the ranges.
        rng: source of randomness.
        on_background: whether ``hu`` is a real CT.
        margin_mm: how far ``lungs`` reaches beyond the pleura.
        avoid: spheres (centre LPS mm, radius mm) to stay out of, nodules among them.
    """
    patches, changes = draw_counts(recipe, on_background, rng)
    if patches + changes == 0:
        return Disease([], np.zeros((0, 3)))
    chance = rng.dirichlet(_USUAL)
    drawn = [str(k) for k in rng.choice([k.value for k in PATCH_KINDS], patches, p=chance)]
    drawn += [str(k) for k in rng.choice([k.value for k in AIRWAY_KINDS], changes)]
    lesions, points = [], []
    for name in drawn:
        kind = PhantomLesionKind(name)
        item = _placed(kind, field, recipe, rng, margin_mm, avoid)
        if item is None:
            continue
        found = _paint(item, hu, labels, geometry, field, lungs, margin_mm, rng)
        if found is not None:
            lesions.append(Lesion(kind, found[0], round(2.0 * max(item.radii_mm), 1)))
            points.append(found[1])
    # One of each comes first, for whoever takes but a few.
    none = np.zeros((0, 3))
    points = [rng.permutation(p) for p in points]
    first = np.concatenate([none, *(p[:1] for p in points)])
    others = np.concatenate([none, *(p[1:] for p in points)])
    return Disease(lesions, np.concatenate([first, rng.permutation(others)]))


def _placed(
    kind: PhantomLesionKind,
    field: LungField,
    recipe: InfiltrateRecipe,
    rng: np.random.Generator,
    margin_mm: float,
    avoid: Sequence[Sphere],
) -> Infiltrate | Strokes | None:
    """Draw an item's form, and a place where it touches nothing; None where there is none."""
    at_back = kind is PhantomLesionKind.ATELECTASIS
    band = at_back or (kind in PATCH_KINDS and rng.random() < 0.25)
    places, chance = _places(kind, band, field, margin_mm, rng)
    if not len(places):
        return None
    for _ in range(_TRIES):
        center = field.geometry.index_to_lps(places[rng.choice(len(places), p=chance)])
        item: Infiltrate | Strokes
        if kind in AIRWAY_KINDS:
            item = draw_strokes(kind, center, rng)
        else:
            item = _patch(kind, center, band, recipe, rng)
        # A nodule that lies at the rim keeps a gap by the gate.
        clear = 0.7 * item.reach_mm + _CLEAR_MM
        if all(np.linalg.norm(center - np.asarray(c)) > clear + r for c, r in avoid):
            return item
    return None


def _places(
    kind: PhantomLesionKind,
    band: bool,
    field: LungField,
    margin_mm: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], Points]:
    """Where an item may lie, as index of the field, shape (n, 3), and how likely, shape (n,).

    Infiltrates prefer the pleura, the back and the bases, and the side to the midline.
    """
    depth = field.border_mm - margin_mm
    if kind in AIRWAY_KINDS:
        nearest, deepest = 8.0, 60.0
    else:
        deepest = 3.0 if band else float(rng.choice([8.0, 20.0, 60.0], p=[0.5, 0.3, 0.2]))
        nearest = 0.0
    places = np.argwhere((depth > nearest) & (depth < deepest))
    if not len(places):
        return places, np.zeros(0)
    low, high = places.min(axis=0), places.max(axis=0)
    up, back, across = ((places - low) / np.maximum(high - low, 1)).T
    likely = np.exp(1.5 * back - 1.0 * up) * np.minimum(np.abs(across - 0.5), 0.3)
    if kind is PhantomLesionKind.ATELECTASIS:
        likely = likely * (back > np.quantile(back, 0.75))
    return places, np.asarray(likely / likely.sum())


def _patch(
    kind: PhantomLesionKind,
    center: Points,
    band: bool,
    recipe: InfiltrateRecipe,
    rng: np.random.Generator,
) -> Infiltrate:
    low, high = 0.5 * np.asarray(recipe.size_mm)
    # Between even in the logarithm and even.
    radius = float(low * (high / low) ** (rng.random() ** 0.7))
    radii = [radius, radius * rng.uniform(0.5, 1.0), radius * rng.uniform(0.5, 1.0)]
    if band:
        radii = [float(rng.uniform(4.0, max(6.0, 0.8 * radius))), max(radius, 10.0), radius]
    sharp = rng.random() < 0.35
    return Infiltrate(
        kind, center, (float(radii[0]), float(radii[1]), float(radii[2])), band,
        random_rotation(rng), float(rng.uniform(0.12, 0.42)),
        float(rng.uniform(0.08, 0.2) if sharp else rng.uniform(0.25, 0.8)),
    )  # fmt: skip


def _paint(
    item: Infiltrate | Strokes,
    hu: NDArray[np.generic],
    labels: NDArray[np.uint8],
    geometry: Geometry,
    field: LungField,
    lungs: NDArray[np.bool_],
    margin_mm: float,
    rng: np.random.Generator,
) -> tuple[tuple[float, float, float], Points] | None:
    """Paint an item; its place as a reader would point at it, and points of it. None if nothing."""
    spacing = geometry.spacing_irc_mm
    middle = geometry.lps_to_index(item.center_lps_mm)
    box = _box(middle, item.reach_mm / np.array(spacing), hu.shape)
    index = np.stack(np.meshgrid(*(np.arange(b.start, b.stop) for b in box), indexing="ij"), -1)
    offset = ((index - middle) * np.array(spacing)).astype(np.float32)
    gate = _gate(hu, box, geometry, lungs, labels)
    emptied: FloatArray | None = None
    if isinstance(item, Infiltrate):
        depth = _sampled(field, geometry, box) - np.float32(margin_mm)
        share = filled_share(item, offset, depth, spacing, rng)
        if item.kind is PhantomLesionKind.CONSOLIDATION and max(item.radii_mm) > 10.0:
            medial = np.array([0.0, 0.0, -np.sign(item.center_lps_mm[0]) or 1.0])
            share *= 1.0 - bronchogram(item, offset, medial, spacing, rng)
    else:
        share, emptied = painted_share(item, offset, spacing)
    share *= gate
    dense = np.argwhere(share > 0.6 * float(share.max()))
    if float(share.max()) < 0.05 or not len(dense):
        return None
    tissue = float(rng.uniform(10.0, 70.0))
    new = replace_air(hu, box, spacing, share, tissue)
    if emptied is not None:
        new -= emptied * gate * np.maximum(new + 980.0, 0.0) * (new < 100.0)
    hu[box] = as_dtype(new, hu.dtype)
    start = np.array([b.start for b in box])
    nearest = dense[np.argmin(np.linalg.norm((dense - dense.mean(0)) * spacing, axis=1))]
    count = int(np.clip(max(item.radii_mm) / 4.0, 1, 6))
    others = dense[rng.integers(len(dense), size=count)]
    x, y, z = (round(float(v), 2) for v in geometry.index_to_lps(nearest + start))
    return (x, y, z), np.concatenate([[[x, y, z]], geometry.index_to_lps(others + start)])


def _box(middle: Points, reach: Points, shape: tuple[int, ...]) -> Box:
    low = np.clip(np.floor(middle - reach), 0, np.array(shape) - 1).astype(int)
    high = np.clip(np.ceil(middle + reach) + 1, low + 1, shape).astype(int)
    return box_between(low, high)


def _gate(
    hu: NDArray[np.generic],
    box: Box,
    geometry: Geometry,
    lungs: NDArray[np.bool_],
    labels: NDArray[np.uint8],
) -> FloatArray:
    """1 where there is lung to fill: not outside, not in open airways, not close to a nodule."""
    spacing = geometry.spacing_irc_mm
    smooth = gaussian_filter(hu[box].astype(np.float32), 0.7 / np.array(spacing))
    aerated = lungs[box] & (smooth < _AERATED_HU)
    gate = (binary_dilation(aerated) & lungs[box]).astype(np.float32)
    gate *= np.clip((smooth - _LUMEN_HU + 30.0) / 30.0, 0.0, 1.0)
    nodules = (labels[box] > 0) & (labels[box] != IGNORE_LABEL)
    if nodules.any():
        gap = distance_transform_edt(~nodules, sampling=spacing)
        gate *= np.clip((gap - _CLEAR_MM) / 3.0, 0.0, 1.0)
    return np.asarray(gate, dtype=np.float32)


def _sampled(field: LungField, geometry: Geometry, box: Box) -> FloatArray:
    """The depth under the lungs' border at the voxels of a box, mm."""
    to_field = np.linalg.inv(field.geometry.affine_lps) @ geometry.affine_lps
    start = np.array([b.start for b in box])
    return np.asarray(
        affine_transform(
            field.border_mm, to_field[:3, :3], to_field[:3, :3] @ start + to_field[:3, 3],
            output_shape=tuple(b.stop - b.start for b in box), order=1, mode="nearest",
        ), dtype=np.float32,
    )  # fmt: skip
