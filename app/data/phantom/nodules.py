"""Which nodules go into a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodulus.app.data.phantom.recipe import NoduleRecipe
from nodulus.bundles.common.lidc.shapes import NoduleShape, ShapeReference


def draw_count(recipe: NoduleRecipe, on_background: bool, rng: np.random.Generator) -> int:
    """How many nodules a study gets; some synthetic ones get none."""
    if on_background:
        low, high = recipe.per_background_study
        return int(rng.integers(low, high + 1))
    if rng.random() < recipe.none_probability:
        return 0
    low, high = recipe.per_study
    return int(rng.integers(low, high + 1))


def is_granuloma(reference: ShapeReference) -> bool:
    """Whether the readers saw a small calcified, benign nodule."""
    ratings = reference.ratings
    return ratings.calcification < 6 and ratings.malignancy <= 2 and reference.diameter_mm < 12


def may_be_perifissural(reference: ShapeReference) -> bool:
    """Whether a nodule looks like a lymph node at a fissure: small, solid, smooth, not suspicious.

    After de Hoop et al., Radiology 265 (2012); LIDC-IDRI does not record the fissures.
    """
    r = reference.ratings
    looks = r.texture >= 4.5 and r.calcification >= 6 and r.margin >= 4
    return looks and r.spiculation <= 2 and r.malignancy <= 3 and 3 <= reference.diameter_mm < 9


def visible(
    references: Sequence[ShapeReference], slice_spacing_mm: float, recipe: NoduleRecipe
) -> list[ShapeReference]:
    """Those that slices of this spacing show to at least three readers, by the recipe."""
    smallest = recipe.visible_slices * slice_spacing_mm
    return [r for r in references if r.diameter_mm >= smallest]


@dataclass(frozen=True)
class DrawnShapes:
    """The nodules of one study.

    Args:
        anywhere: for any place in the lungs.
        at_fissures: perifissural nodes.
    """

    anywhere: list[NoduleShape]
    at_fissures: list[NoduleShape]

    @property
    def all(self) -> list[NoduleShape]:
        """Both."""
        return [*self.anywhere, *self.at_fissures]


def draw_nodules(
    references: Sequence[ShapeReference], count: int, recipe: NoduleRecipe, rng: np.random.Generator
) -> DrawnShapes:
    """Draw the nodules of a study, some of them granulomas and some perifissural nodes."""
    kinds = rng.choice(
        3, count, p=(1 - recipe.granulomas - recipe.perifissural, recipe.granulomas,
                     recipe.perifissural),
    )  # fmt: skip
    special = []
    for kind, suits in ((1, is_granuloma), (2, may_be_perifissural)):
        suited = [r for r in references if suits(r)] if (kinds == kind).any() else []
        chosen = rng.permutation(len(suited))[: int((kinds == kind).sum())]
        special.append([shape for n in chosen if (shape := _built(suited[int(n)])) is not None])
    taken = {shape.id for group in special for shape in group}
    others = [r for r in references if r.id not in taken] if taken else references
    rest = draw_shapes(others, count - len(taken), recipe, rng)
    return DrawnShapes([*rest, *special[0]], special[1])


def draw_shapes(
    references: Sequence[ShapeReference], count: int, recipe: NoduleRecipe, rng: np.random.Generator
) -> list[NoduleShape]:
    """Draw different nodules: first the size class, then solid or not, then one of those.

    Rated malignant (median above 3) are ``malignant_weight`` times as likely as benign ones,
    undecided ones 0.7 times.

    Raises:
        ValueError: there are no references.
    """
    if count and not references:
        raise ValueError("there are no nodule shapes to draw from")
    diameters = np.array([r.diameter_mm for r in references])
    textures = np.array([r.ratings.texture for r in references])
    malignancy = np.array([r.ratings.malignancy for r in references])
    likely = np.where(malignancy > 3, recipe.malignant_weight, np.where(malignancy < 3, 1.0, 0.7))
    weights = np.asarray(recipe.diameter_weights)
    classes = np.searchsorted(recipe.diameter_edges, diameters, side="right") - 1
    in_class = (classes >= 0) & (classes < len(weights))
    shapes: list[NoduleShape] = []
    free = np.ones(len(references), dtype=bool)
    while len(shapes) < count and free.any():
        held = np.bincount(classes[free & in_class], minlength=len(weights)) > 0
        likely_class = weights * held if (weights * held).any() else weights
        n = int(rng.choice(len(weights), p=likely_class / likely_class.sum()))
        sized = free & in_class & (classes == n)
        solid = rng.random() < recipe.solid_fraction
        suited = sized & ((textures > 4) == solid)
        for choice in (suited, sized, free):
            if choice.any():
                break
        chance = np.where(choice, likely, 0.0)
        pick = int(rng.choice(len(references), p=chance / chance.sum()))
        free[pick] = False
        shape = _built(references[pick])
        if shape is not None:
            shapes.append(shape)
    return shapes


def _built(reference: ShapeReference) -> NoduleShape | None:
    try:
        return reference.build()
    except ValueError:  # outlines that enclose nothing
        return None
