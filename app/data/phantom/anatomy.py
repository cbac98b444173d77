"""One body: the numbers that all its parts share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodulus.app.data.phantom.contrast import Blood, Phase, draw_blood
from nodulus.app.data.phantom.recipe import AnatomyRecipe, draw, draw_count


@dataclass(frozen=True)
class Anatomy:
    """Drawn parameters of one body, in anatomy mm (LPS axes, origin at the carina) and HU."""

    scale: float
    half_width: float
    half_depth: float
    back_y: float
    spine_y: float
    apex_z: float
    dome_right_z: float
    dome_left_z: float
    costophrenic_depth: float
    heart_scale: float
    fat_mm: float
    muscle_scale: float
    warp_mm: float
    has_breasts: bool
    blood: Blood
    parenchyma_hu: float
    gravity_hu: float
    texture_hu: float
    emphysema: float
    vessel_ends: int
    vessel_end_radius: float
    fissure_hu: float
    dependent_hu: float
    scars: int
    arms_down: bool
    plaques: int
    apical_caps: int
    bands: int
    micronodules: int
    filled_airways: int
    heart_fat: float
    mediastinal_fat: float
    marrow_hu: float
    folds: int
    nodes: int
    coronary_calcium: int
    leads: int
    has_cover: bool

    @property
    def has_contrast(self) -> bool:
        """Whether contrast medium was given."""
        return self.blood.phase is not Phase.NONE

    @property
    def depth_factor(self) -> float:
        """How far the mediastinum is stretched so that the heart reaches the breastbone."""
        return (2.0 * self.half_depth / self.scale - 52.0) / 104.0

    @property
    def lung_box(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Two corners that hold the lungs."""
        wide, front = self.half_width + 5.0, self.back_y - 2.0 * self.half_depth - 5.0
        low = (-wide, front, self.base_z - 2.0 * self.warp_mm)
        return low, (wide, self.back_y + 5.0, self.apex_z + 2.0 * self.warp_mm)

    @property
    def base_z(self) -> float:
        """Lowest point of the lungs."""
        return min(self.dome_right_z, self.dome_left_z) - self.costophrenic_depth


def draw_anatomy(recipe: AnatomyRecipe, rng: np.random.Generator) -> Anatomy:
    """Draw one body."""
    scale = draw(recipe.scale, rng)
    contrast = rng.random() < recipe.contrast_probability
    full_hu = draw(recipe.contrast_hu, rng) if contrast else 0.0
    plain_hu = float(rng.uniform(32, 46))
    dome = draw(recipe.dome_depth, rng) * scale
    depth = draw(recipe.chest_half_depth, rng) * scale
    return Anatomy(
        scale=scale,
        half_width=draw(recipe.chest_half_width, rng) * scale,
        half_depth=depth,
        back_y=depth * 0.95,
        spine_y=depth * 0.95 - 36.0 * scale,
        apex_z=draw(recipe.apex_height, rng) * scale,
        dome_right_z=-dome,
        dome_left_z=-dome - float(rng.uniform(2, 18)),
        costophrenic_depth=draw(recipe.costophrenic_depth, rng) * scale,
        heart_scale=draw(recipe.heart_scale, rng),
        fat_mm=draw(recipe.fat_thickness, rng),
        muscle_scale=draw(recipe.muscle_scale, rng),
        warp_mm=draw(recipe.warp, rng),
        has_breasts=bool(rng.random() < recipe.breast_probability),
        blood=draw_blood(plain_hu, full_hu, recipe.contrast_phases, rng),
        parenchyma_hu=draw(recipe.parenchyma_hu, rng),
        gravity_hu=draw(recipe.gravity_hu, rng),
        texture_hu=draw(recipe.texture_hu, rng),
        emphysema=(
            float(rng.uniform(0.2, 1.0)) if rng.random() < recipe.emphysema_probability else 0.0
        ),
        vessel_ends=int(draw(recipe.vessel_ends_per_lung, rng)),
        vessel_end_radius=draw(recipe.vessel_end_radius, rng),
        fissure_hu=draw(recipe.fissure_hu, rng),
        dependent_hu=draw(recipe.dependent_hu, rng),
        scars=draw_count(recipe.scars, rng),
        arms_down=bool(rng.random() < recipe.arms_down_probability),
        plaques=_some(recipe.plaque_probability, recipe.plaques, rng),
        apical_caps=_some(recipe.apical_cap_probability, (1, 2), rng),
        bands=draw_count(recipe.bands, rng),
        micronodules=draw_count(recipe.micronodules, rng),
        filled_airways=_some(recipe.filled_airway_probability, (1, 3), rng),
        heart_fat=draw(recipe.heart_fat, rng),
        mediastinal_fat=draw(recipe.mediastinal_fat, rng),
        marrow_hu=draw(recipe.marrow_hu, rng),
        folds=draw_count(recipe.folds, rng),
        nodes=draw_count(recipe.lymph_nodes, rng),
        coronary_calcium=_some(recipe.coronary_calcium_probability, (1, 8), rng),
        leads=_some(recipe.leads_probability, (1, 4), rng),
        has_cover=bool(rng.random() < recipe.cover_probability),
    )


def _some(probability: float, count: tuple[int, int], rng: np.random.Generator) -> int:
    """None, or a number out of a range."""
    return draw_count(count, rng) if rng.random() < probability else 0
