"""One study in memory: voxels, labels, truth. It depends on the seed and its index alone."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.background import Background, mark_ignored
from nodulus.app.data.phantom.chest import make_chest, part_rng
from nodulus.app.data.phantom.infiltrates import add_disease
from nodulus.app.data.phantom.lesions import Lesion
from nodulus.app.data.phantom.luna16_candidates import (
    PhantomCandidate,
    confusers_in_chest,
    confusers_in_volume,
    make_candidates,
)
from nodulus.app.data.phantom.nodules import (
    DrawnShapes,
    draw_count,
    draw_nodules,
    draw_shapes,
    visible,
)
from nodulus.app.data.phantom.placement import Sphere, airway_spheres, at_fissures
from nodulus.app.data.phantom.recipe import NoduleRecipe, PhantomRecipe
from nodulus.app.data.phantom.scanner import (
    Acquisition,
    add_noise,
    blur,
    draw_acquisition,
    outside_round_field,
    pad_round_field,
)
from nodulus.bundles.common.lidc.shapes import NoduleShape, ShapeReference
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.insertion.nodule_insertion import InsertedNodule, LungField, insert_nodules
from nodulus.transforms.lung_rule import shipped_lung_rule

KERNEL_FOLLOWS_MM = 0.15
"""Blur of a nodule before the scanner's own."""


@dataclass(frozen=True)
class Identity:
    """Who a study pretends to be; all of it follows from seed and index."""

    patient_id: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    seed: int
    index: int
    scanned: dt.date = dt.date(2020, 1, 1)


@dataclass(frozen=True, eq=False)
class PhantomStudy:
    """One phantom study.

    Args:
        identity: its names.
        hu: shape (I, R, C), int16.
        labels: shape of ``hu``: 0, a nodule's label, or 255 for what no one should judge.
        geometry: in LPS mm, slice 0 lowest.
        nodules: the truth, in the order of the labels.
        shapes: the shape of each nodule.
        candidates: as in LUNA16's candidates_V2.csv.
        acquisition: the scan; None on a real background.
        lungs: shape of ``hu``, where lung is.
        findings: benign ones that are no nodules, in LPS mm; of a real background, those put in.
        perifissural: shapes of the nodules that were put at a fissure.
    """

    identity: Identity
    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    geometry: Geometry
    nodules: list[InsertedNodule]
    shapes: dict[str, NoduleShape]
    candidates: list[PhantomCandidate]
    acquisition: Acquisition | None
    lungs: NDArray[np.bool_]
    findings: list[Lesion]
    perifissural: frozenset[str] = frozenset()


def make_uid(*parts: object) -> str:
    """A UID under 2.25 (PS3.5 annex B.2) that follows from its parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big') or 1}"


def identify(seed: int, index: int, background: Background | None = None) -> Identity:
    """Names of a study; all studies on one background are one patient, which no split divides."""
    source = background.digest if background else "phantom"
    patient = f"PHANTOM-{source}" if background else f"PHANTOM-{seed}-{index:05d}"
    uid = [make_uid("nodulus", source, seed, index, level) for level in ("study", "series")]
    return Identity(
        patient, uid[0], uid[1], make_uid("nodulus", source, seed, "frame"), seed, index
    )


def make_study(
    recipe: PhantomRecipe, references: Sequence[ShapeReference], seed: int, index: int
) -> PhantomStudy:
    """Make a synthetic study.

    Args:
        recipe: the ranges.
        references: the nodules to draw from.
        seed: the data set's seed.
        index: which study of it.
    """
    body = draw_anatomy(recipe.anatomy, part_rng(seed, index, "anatomy"))
    scan, grid = draw_acquisition(recipe.scanner, body, part_rng(seed, index, "scanner"))
    chest = make_chest(body, grid, recipe.coarse_mm, seed, index)
    affine = grid.affine_lps.copy()
    affine[:3, 3] = np.round(affine[:3, 3] + scan.frame_lps_mm, 3)
    geometry = Geometry(grid.shape_irc, affine)
    lungs = chest.lung_share > 127
    if scan.round_field:
        lungs[:, outside_round_field(lungs.shape[1:])] = False
    rng = part_rng(seed, index, "nodules")
    seen = visible(references, geometry.spacing_irc_mm[0], recipe.nodules)
    shapes = draw_nodules(seen, draw_count(recipe.nodules, False, rng), recipe.nodules, rng)
    field = LungField.of(lungs, geometry, chest.hu)
    fields = field, at_fissures(field, chest, scan.frame_lps_mm)
    avoid = airway_spheres(chest.airways, scan.frame_lps_mm)
    hu, labels, nodules = _insert(
        chest.hu, geometry, lungs, shapes, attachment_shares(recipe.nodules), fields, avoid, rng
    )
    chest = replace(chest, hu=hu)  # the one without nodules is not needed any more
    findings = shown_findings(chest.lesions, geometry, scan.frame_lps_mm)
    small = tuple((f.center_xyz, 0.5 * f.size_mm + 1.0) for f in findings if f.ignored)
    mark_ignored(labels, geometry, small)
    taken = [(n.center_lps_mm, 0.5 * n.diameter_mm) for n in nodules]
    disease = add_disease(
        hu, labels, geometry, field, lungs, recipe.infiltrates, part_rng(seed, index, "disease"),
        on_background=False, avoid=taken,
    )  # fmt: skip
    findings += disease.lesions
    blur(hu, geometry, scan)
    add_noise(hu, geometry, scan, part_rng(seed, index, "noise"))
    stored = np.clip(np.rint(hu, out=hu), -1024, 3071).astype(np.int16)
    if scan.round_field:
        pad_round_field(stored)
    rng = part_rng(seed, index, "candidates")
    count = int(rng.integers(recipe.nodules.confusers[0], recipe.nodules.confusers[1] + 1))
    named = np.array([f.center_xyz for f in findings if not f.ignored]).reshape(-1, 3)
    others = confusers_in_chest(chest, 3 * count, rng) + np.array(scan.frame_lps_mm)
    confusers = np.concatenate([named, disease.points_lps_mm[: count // 2], others])
    centers = [n.center_lps_mm for n in nodules]
    candidates = make_candidates(geometry, labels, centers, confusers, count, rng)
    return PhantomStudy(
        identify(seed, index), stored, labels, geometry, nodules, {s.id: s for s in shapes.all},
        candidates, scan, lungs, findings, frozenset(s.id for s in shapes.at_fissures),
    )  # fmt: skip


def make_background_study(
    recipe: PhantomRecipe,
    references: Sequence[ShapeReference],
    background: Background,
    seed: int,
    index: int,
) -> PhantomStudy:
    """Insert nodules, and in a share of the studies infiltrates, into a real CT."""
    rng = part_rng(seed, index, "nodules-" + background.digest)
    geometry = background.geometry
    seen = visible(references, geometry.spacing_irc_mm[0], recipe.nodules)
    shapes = draw_shapes(seen, draw_count(recipe.nodules, True, rng), recipe.nodules, rng)
    field = LungField.of(background.lungs, geometry, background.hu)
    new, labels, nodules = insert_nodules(
        background.hu, geometry, background.lungs, shapes, rng,
        attachment_shares=attachment_shares(recipe.nodules), avoid=background.avoid, field=field,
    )  # fmt: skip
    mark_ignored(labels, geometry, background.avoid)
    taken = [*background.avoid, *((n.center_lps_mm, 0.5 * n.diameter_mm) for n in nodules)]
    disease = add_disease(
        new, labels, geometry, field, background.lungs, recipe.infiltrates,
        part_rng(seed, index, "disease-" + background.digest),
        on_background=True, margin_mm=shipped_lung_rule().search.margin_mm, avoid=taken,
    )  # fmt: skip
    count = int(rng.integers(recipe.nodules.confusers[0], recipe.nodules.confusers[1] + 1))
    others = confusers_in_volume(background.hu, background.lungs, geometry, 2 * count, rng)
    confusers = np.concatenate([disease.points_lps_mm[: count // 2], others])
    centers = [n.center_lps_mm for n in nodules]
    candidates = make_candidates(geometry, labels, centers, confusers, count, rng)
    return PhantomStudy(
        identify(seed, index, background), np.asarray(new, dtype=np.int16), labels, geometry,
        nodules, {s.id: s for s in shapes}, candidates, None, background.lungs,
        disease.lesions,
    )  # fmt: skip


def attachment_shares(recipe: NoduleRecipe) -> tuple[float, float, float]:
    """How often a nodule is free, at a vessel, at the pleura."""
    free = max(0.0, 1.0 - recipe.vessel_attached - recipe.pleura_attached)
    return free, recipe.vessel_attached, recipe.pleura_attached


def _insert(
    hu: NDArray[np.float32],
    geometry: Geometry,
    lungs: NDArray[np.bool_],
    shapes: DrawnShapes,
    shares: tuple[float, float, float],
    fields: tuple[LungField, LungField],
    avoid: list[Sphere],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], list[InsertedNodule]]:
    """Insert the nodules for any place by the first field, those at fissures by the second."""
    new, labels, nodules = insert_nodules(
        hu, geometry, lungs, shapes.anywhere, rng,
        attachment_shares=shares, blur_sigma_mm=KERNEL_FOLLOWS_MM, avoid=avoid, field=fields[0],
    )  # fmt: skip
    if shapes.at_fissures:
        taken = [*avoid, *((n.center_lps_mm, 0.5 * n.diameter_mm) for n in nodules)]
        new, others, more = insert_nodules(
            new, geometry, lungs, shapes.at_fissures, rng, attachment_shares=(1.0, 0.0, 0.0),
            blur_sigma_mm=KERNEL_FOLLOWS_MM, avoid=taken, field=fields[1],
        )  # fmt: skip
        first = len(nodules)
        where = others > 0
        labels[where] = others[where] + first
        nodules += [replace(n, label=n.label + first) for n in more]
    return np.asarray(new, dtype=np.float32), labels, nodules


def shown_findings(
    lesions: Sequence[Lesion], geometry: Geometry, frame_lps_mm: tuple[float, float, float]
) -> list[Lesion]:
    """Those that the scan shows, with their centres in LPS mm."""
    moved = []
    for lesion in lesions:
        x, y, z = (round(a + b, 2) for a, b in zip(lesion.center_xyz, frame_lps_mm, strict=True))
        if np.all(geometry.contains(geometry.lps_to_index((x, y, z)))):
            moved.append(replace(lesion, center_xyz=(x, y, z)))
    return moved
