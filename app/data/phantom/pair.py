"""One patient scanned twice, with nodules that grew, came and went.

Breath, position, noise and, in some, the scanner differ.

Each nodule is drawn anew from its outline on each scan's own grid, so that no resampling of the
body blurs it. It keeps its form and does not follow the breath. Pairs have no infiltrates.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import draw_anatomy
from nodulus.app.data.phantom.background import mark_ignored
from nodulus.app.data.phantom.chest import make_chest, part_rng
from nodulus.app.data.phantom.lesions import Lesion
from nodulus.app.data.phantom.motion import Motion, draw_motion
from nodulus.app.data.phantom.nodules import draw_count, draw_nodules, visible
from nodulus.app.data.phantom.pair_recipe import PairRecipe
from nodulus.app.data.phantom.phantom_study import (
    KERNEL_FOLLOWS_MM,
    Identity,
    PhantomStudy,
    attachment_shares,
    identify,
    make_uid,
    shown_findings,
)
from nodulus.app.data.phantom.placement import Sphere, airway_spheres
from nodulus.app.data.phantom.recipe import PhantomRecipe, draw
from nodulus.app.data.phantom.resample import resampled
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
from nodulus.transforms.insertion.nodule_insertion import (
    Attachment,
    InsertedNodule,
    draw_place,
    insert_nodule,
    random_rotation,
)
from nodulus.transforms.insertion.nodule_position import LungField

Fate = Literal["unchanged", "changed", "new", "vanished"]
Zone = Literal["parenchyma", "periphery", "vessel", "diaphragm"]

_FIRST_DAY = dt.date(2020, 1, 1)
_PERIPHERY_MM = 10.0
_NEAR_DIAPHRAGM_MM = 15.0
_PLACES_TO_TRY = 5
_AIR_HU = -1000.0


@dataclass(frozen=True)
class PairedNodule:
    """The truth about one nodule of a pair.

    Args:
        fate: what became of it.
        zone: where it lies on the scan on which it was placed.
        growth: factor on its volume from the first scan to the second; 1 where it is on one alone.
        prior: on the first scan; None where it is not there.
        current: on the second one.
    """

    fate: Fate
    zone: Zone
    growth: float
    prior: InsertedNodule | None
    current: InsertedNodule | None


@dataclass(frozen=True, eq=False)
class PhantomPair:
    """Two studies of one patient.

    Args:
        prior: the first.
        current: the second.
        days: between them.
        nodules: the truth of both.
    """

    prior: PhantomStudy
    current: PhantomStudy
    days: int
    nodules: list[PairedNodule]


@dataclass(frozen=True, eq=False)
class _Scan:
    """One of the scans while it is made: voxels, labels, place."""

    acquisition: Acquisition
    grid: Geometry
    geometry: Geometry
    motion: Motion | None
    hu: NDArray[np.float32]
    lungs: NDArray[np.bool_]
    labels: NDArray[np.uint8]
    nodules: list[InsertedNodule]

    def place(self, first_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map a point of the first scan's anatomy to this scan's LPS mm."""
        moved = first_xyz if self.motion is None else self.motion.to_second(first_xyz)
        return np.asarray(moved + np.array(self.acquisition.frame_lps_mm))

    def insert(
        self,
        shape: NoduleShape,
        first_xyz: NDArray[np.float64],
        attachment: Attachment,
        rotation: NDArray[np.float64],
        scale: float,
        rng: np.random.Generator,
    ) -> InsertedNodule | None:
        """Insert a nodule at a point of the first scan's anatomy."""
        turned = rotation if self.motion is None else self.motion.turn.T @ rotation
        made = insert_nodule(
            self.hu, self.labels, self.geometry, self.lungs, shape, self.place(first_xyz),
            rng=rng, label=len(self.nodules) + 1, attachment=attachment, rotation=turned,
            scale=scale, blur_sigma_mm=KERNEL_FOLLOWS_MM,
        )  # fmt: skip
        if made is not None:
            self.nodules.append(made)
        return made


def make_pair(
    recipe: PhantomRecipe,
    pairs: PairRecipe,
    references: Sequence[ShapeReference],
    seed: int,
    index: int,
) -> PhantomPair:
    """Make a pair; it depends on the recipes, the seed and its index alone.

    Args:
        recipe: the ranges of body, scanner and nodules.
        pairs: those of what differs between the scans.
        references: the nodules to draw from.
        seed: the data set's seed.
        index: which pair of it.
    """
    body = draw_anatomy(recipe.anatomy, part_rng(seed, index, "anatomy"))
    first = draw_acquisition(recipe.scanner, body, part_rng(seed, index, "scanner"))
    second = draw_acquisition(recipe.scanner, body, part_rng(seed, index, "second scanner"))
    rng = part_rng(seed, index, "pair")
    if rng.random() < pairs.same_scanner:
        second = replace(first[0], frame_lps_mm=second[0].frame_lps_mm), first[1]
    motion = draw_motion(pairs, body, rng)
    days = int(rng.integers(pairs.days[0], pairs.days[1] + 1))
    chest = make_chest(body, _finest(first[1], second[1]), recipe.coarse_mm, seed, index)

    def scanned(scan: Acquisition, grid: Geometry, moved: Motion | None) -> _Scan:
        volumes = ((chest.hu, _AIR_HU), (chest.lung_share, 0.0))
        hu, share = resampled(volumes, chest.geometry, grid, moved)
        lungs = share > 127
        if scan.round_field:
            lungs[:, outside_round_field(lungs.shape[1:])] = False
        affine = grid.affine_lps.copy()
        affine[:3, 3] = np.round(affine[:3, 3] + scan.frame_lps_mm, 3)
        geometry = Geometry(grid.shape_irc, affine)
        return _Scan(scan, grid, geometry, moved, hu, lungs, np.zeros(hu.shape, np.uint8), [])

    prior, current = scanned(*first, None), scanned(*second, motion)
    rng = part_rng(seed, index, "nodules")
    thickest = max(scan.geometry.spacing_irc_mm[0] for scan in (prior, current))
    seen = visible(references, thickest, recipe.nodules)
    shapes = draw_nodules(seen, draw_count(recipe.nodules, False, rng), recipe.nodules, rng).all
    avoid = airway_spheres(chest.airways, first[0].frame_lps_mm)
    nodules = _insert(prior, current, shapes, recipe, pairs, avoid, rng)
    whos = _identities(seed, index, days)
    studies = [
        _finished(scan, who, shapes, chest.lesions, part_rng(seed, index, f"noise {number}"))
        for number, (scan, who) in enumerate(zip((prior, current), whos, strict=True))
    ]
    return PhantomPair(studies[0], studies[1], days, nodules)


def _finest(one: Geometry, other: Geometry) -> Geometry:
    """A grid that holds both, with the smaller spacing of each axis."""
    spacing = np.minimum(one.spacing_irc_mm, other.spacing_irc_mm)
    ends = [
        grid.index_to_lps(corner)
        for grid in (one, other)
        for corner in ((0, 0, 0), np.array(grid.shape_irc) - 1)
    ]
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    shape = np.ceil((high - low)[::-1] / spacing).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[::-1]
    affine[:3, 3] = low
    return Geometry((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def _insert(
    prior: _Scan,
    current: _Scan,
    shapes: Sequence[NoduleShape],
    recipe: PhantomRecipe,
    pairs: PairRecipe,
    avoid: list[Sphere],
    rng: np.random.Generator,
) -> list[PairedNodule]:
    """Place each nodule on the first scan and insert it into those scans on which it is."""
    field = LungField.of(prior.lungs, prior.geometry, prior.hu)
    fates: tuple[Fate, ...] = ("unchanged", "changed", "new", "vanished")
    chances = [getattr(pairs, fate) for fate in fates]
    frame = np.array(prior.acquisition.frame_lps_mm)
    taken = [*avoid]
    made: list[PairedNodule] = []
    for shape in sorted(shapes, key=lambda s: -s.equivalent_diameter_mm):
        fate = fates[int(rng.choice(len(fates), p=chances))]
        growth = draw(pairs.growth, rng) if fate == "changed" else 1.0
        scale, rotation = float(rng.uniform(0.9, 1.1)), random_rotation(rng)
        radius_mm = 0.5 * shape.equivalent_diameter_mm * scale * max(growth, 1.0) ** (1 / 3)
        looks = int(rng.integers(2**32))
        for _ in range(_PLACES_TO_TRY):
            place = draw_place(field, radius_mm, attachment_shares(recipe.nodules), rng, taken)
            if place is None:
                break
            center, kind = place
            scans = [
                (scan, factor)
                for scan, factor, absent in (
                    (current, growth ** (1 / 3), "vanished"), (prior, 1.0, "new"),
                )
                if fate != absent
            ]  # fmt: skip
            found = {
                id(scan): scan.insert(
                    shape, center - frame, kind, rotation, scale * factor,
                    np.random.default_rng(looks),
                )
                for scan, factor in scans
            }  # fmt: skip
            if all(one is None for one in found.values()):
                continue
            before, now = found.get(id(prior)), found.get(id(current))
            if before is None or now is None:
                # At the pleura one of the scans may have had no room for it.
                fate, growth = ("new" if before is None else "vanished"), 1.0
            zone = _zone(center, kind, field)
            made.append(PairedNodule(fate, zone, growth, before, now))
            taken.append(((float(center[0]), float(center[1]), float(center[2])), radius_mm))
            break
    return made


def _zone(center_lps_mm: NDArray[np.float64], kind: Attachment, field: LungField) -> Zone:
    """Where a nodule lies: near the diaphragm, at a vessel, near the pleura, or in between."""
    index = np.rint(field.geometry.lps_to_index(center_lps_mm)).astype(int)
    index = np.clip(index, 0, np.array(field.border_mm.shape) - 1)
    reach = int(np.ceil(_NEAR_DIAPHRAGM_MM / field.geometry.spacing_irc_mm[0]))
    below = field.border_mm[: max(index[0] - reach, 0), index[1], index[2]]
    if not np.any(below > 0):
        return "diaphragm"
    if kind is Attachment.VESSEL:
        return "vessel"
    near = kind is Attachment.PLEURA or field.border_mm[tuple(index)] < _PERIPHERY_MM
    return "periphery" if near else "parenchyma"


def _finished(
    scan: _Scan,
    who: Identity,
    shapes: Sequence[NoduleShape],
    lesions: Sequence[Lesion],
    rng: np.random.Generator,
) -> PhantomStudy:
    """Blur, add noise, and put the study together."""
    moved = [
        replace(lesion, center_xyz=(float(x), float(y), float(z)))
        for lesion in lesions
        for x, y, z in [scan.place(np.array(lesion.center_xyz))]
    ]
    findings = shown_findings(moved, scan.geometry, (0.0, 0.0, 0.0))
    small = tuple((f.center_xyz, 0.5 * f.size_mm + 1.0) for f in findings if f.ignored)
    mark_ignored(scan.labels, scan.geometry, small)
    blur(scan.hu, scan.geometry, scan.acquisition)
    add_noise(scan.hu, scan.geometry, scan.acquisition, rng)
    stored = np.clip(np.rint(scan.hu), -1024, 3071).astype(np.int16)
    if scan.acquisition.round_field:
        pad_round_field(stored)
    return PhantomStudy(
        who, stored, scan.labels, scan.geometry, scan.nodules, {s.id: s for s in shapes}, [],
        scan.acquisition, scan.lungs, findings,
    )  # fmt: skip


def _identities(seed: int, index: int, days: int) -> tuple[Identity, Identity]:
    """One patient, two studies."""
    who = identify(seed, index)
    patient = f"PHANTOM-PAIR-{seed}-{index:05d}"
    made = []
    for name, day in (("prior", _FIRST_DAY), ("current", _FIRST_DAY + dt.timedelta(days))):
        uid = [
            make_uid("nodulus", "pair", seed, index, name, level)
            for level in ("study", "series", "frame")
        ]
        made.append(
            replace(
                who,
                patient_id=patient,
                study_uid=uid[0],
                series_uid=uid[1],
                frame_of_reference_uid=uid[2],
                scanned=day,
            )
        )
    return made[0], made[1]


def doubling_days(nodule: PairedNodule, days: int) -> float | None:
    """The true volume doubling time; None where the volume did not grow."""
    return days * math.log(2.0) / math.log(nodule.growth) if nodule.growth > 1.0 else None
