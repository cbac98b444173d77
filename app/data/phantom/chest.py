"""A whole synthetic chest: anatomy from a seed to ideal HU, before scanner and nodules."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.abdomen import make_abdomen
from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.cavity import make_cavity
from nodulus.app.data.phantom.chest_wall import make_wall
from nodulus.app.data.phantom.compose import ChestFields, render
from nodulus.app.data.phantom.couch import draw_table
from nodulus.app.data.phantom.covers import draw_cover
from nodulus.app.data.phantom.grid import CoarseGrid, Field, make_grid, smooth_noise
from nodulus.app.data.phantom.lesions import Lesion, fill_airways, make_lesions
from nodulus.app.data.phantom.lung_anatomy import Fissures, draw_fissures, make_lungs, make_texture
from nodulus.app.data.phantom.mediastinum import make_mediastinum
from nodulus.app.data.phantom.scars import make_scars
from nodulus.app.data.phantom.skeleton import make_other_bones, make_ribs, make_spine
from nodulus.app.data.phantom.small_structures import paint_small_structures
from nodulus.app.data.phantom.solids import paint_solids
from nodulus.app.data.phantom.texture import make_fine_texture
from nodulus.app.data.phantom.tubes import paint_tubes
from nodulus.app.data.phantom.vessels import Tubes, make_arteries_and_airways, make_veins, wall_mm
from nodulus.app.data.phantom.wall_map import WallMap, make_wall_map
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float32]


def part_rng(seed: int, study: int, part: str) -> np.random.Generator:
    """A generator for one part of one study; parts that are added later disturb no other."""
    return np.random.default_rng([seed, study, zlib.crc32(part.encode())])


@dataclass(frozen=True, eq=False)
class Chest:
    """One ideal chest.

    Args:
        hu: shape (I, R, C), float32, without blur or noise.
        lung_share: how much of each voxel is lung, 0 to 255.
        geometry: axial grid in anatomy mm.
        grid: the coarse grid of the fields below.
        lungs: signed distance of the lungs, mm.
        fissures: the sheets between the lobes.
        vessels: arteries and veins, anatomy mm.
        airways: lumina, anatomy mm.
        lesions: benign findings that are no nodules.
    """

    hu: FloatArray
    lung_share: NDArray[np.uint8]
    geometry: Geometry
    grid: CoarseGrid
    lungs: Field
    fissures: Fissures
    vessels: Tubes
    airways: Tubes
    lesions: list[Lesion]


def make_fields(
    body: Anatomy, grid: CoarseGrid, seed: int, study: int
) -> tuple[ChestFields, Fissures, WallMap, tuple[np.ndarray, ...]]:
    """All smooth anatomy of one body on a coarse grid."""
    cavity = make_cavity(body, grid)
    mediastinum = make_mediastinum(body, grid, part_rng(seed, study, "mediastinum"))
    ribs, cartilage = make_ribs(body, grid, cavity)
    spine, column = make_spine(body, grid)
    lungs = make_lungs(body, grid, cavity, mediastinum.outline, column)
    wall = make_wall_map(body, grid.z_mm, part_rng(seed, study, "muscles"))
    skin, arms = make_wall(body, grid, cavity, wall, part_rng(seed, study, "wall"))
    organs, bowel_air = make_abdomen(body, grid, cavity, part_rng(seed, study, "abdomen"))
    others = np.maximum(make_other_bones(body, grid, cavity), skin + 5.0)
    beside_spine = np.maximum(column - 4.0, np.maximum(cavity.distance_mm - 2.0, -12.0))
    soft = np.maximum(mediastinum.soft, skin + 12.0)
    rng = part_rng(seed, study, "texture")
    fields = ChestFields(
        skin=skin,
        wall_mm=cavity.distance_mm,
        azimuth=cavity.azimuth,
        bone=np.minimum(np.minimum(ribs, spine), others),
        cartilage=cartilage,
        soft=np.minimum(np.minimum(soft, arms), beside_spine).astype(np.float32),
        muscle=mediastinum.muscle,
        blood=np.maximum(mediastinum.blood, skin + 12.0),
        blood_hu=mediastinum.blood_hu,
        organs=organs,
        air=np.minimum(bowel_air, mediastinum.air),
        lungs=lungs,
        lung_hu=make_texture(body, grid, lungs, rng),
        marbling=smooth_noise(grid.shape, 9.0 / grid.step_mm, rng),
    )
    return fields, draw_fissures(body, part_rng(seed, study, "fissures")), wall, mediastinum.grooves


def make_chest(body: Anatomy, geometry: Geometry, coarse_mm: float, seed: int, study: int) -> Chest:
    """Make a chest on a grid.

    Thick slices are painted as several thin ones and averaged, as a scanner would.

    Args:
        body: drawn parameters.
        geometry: axial grid in anatomy mm.
        coarse_mm: step of the coarse grid.
        seed: the data set's seed.
        study: index of the study; with the seed it decides everything random.
    """
    # The grid holds the lungs whole, whatever the scan shows of them.
    low = np.minimum(geometry.index_to_lps((0, 0, 0)), body.lung_box[0])
    high = np.maximum(geometry.index_to_lps(np.array(geometry.shape_irc) - 1), body.lung_box[1])
    corners = [(float(a[0]), float(a[1]), float(a[2])) for a in (low, high)]
    rng = part_rng(seed, study, "warp")
    grid = make_grid(corners[0], corners[1], coarse_mm, body.warp_mm, rng)
    fields, fissures, wall, grooves = make_fields(body, grid, seed, study)
    arteries, airways = make_arteries_and_airways(
        body, grid, fields.lungs, fissures, part_rng(seed, study, "arteries")
    )
    veins = make_veins(body, grid, fields.lungs, fissures, part_rng(seed, study, "veins"))
    factor = max(1, round(geometry.spacing_irc_mm[0] / max(1.25, geometry.spacing_irc_mm[1])))
    fine = _thinner(geometry, factor)
    texture = make_fine_texture(part_rng(seed, study, "fine texture"))
    table = draw_table(part_rng(seed, study, "table"))
    rng = part_rng(seed, study, "cover")
    cover = draw_cover(body.back_y - body.half_depth, rng) if body.has_cover else None
    hu, share = render(fields, wall, grid, body, fissures, texture, fine, table, cover)
    paint_small_structures(
        hu, share, fine, body, grid, fields.skin, grooves, part_rng(seed, study, "small structures")
    )
    rng = part_rng(seed, study, "lesions")
    solids, lesions = make_lesions(body, grid, fields.lungs, rng)
    filled, mucus = fill_airways(airways, body.filled_airways, rng)
    # What narrows the lung comes first, so that no vessel runs through it.
    paint_solids(hu, share, fine, [s for s in solids if s.displaces])
    _paint_vessels(hu, share, fine, body, arteries, body.blood.right)
    _paint_vessels(hu, share, fine, body, veins, body.blood.left)
    scars, roots = make_scars(body, grid, fields.lungs, part_rng(seed, study, "scars"))
    _paint_vessels(hu, share, fine, body, scars, 10.0)
    _paint_airways(hu, fine, airways, filled)
    paint_solids(hu, share, fine, [s for s in solids if not s.displaces])
    if factor > 1:
        hu = hu.reshape(-1, factor, *hu.shape[1:]).mean(axis=1)
        share = share.reshape(-1, factor, *share.shape[1:]).mean(axis=1).astype(np.uint8)
    vessels = Tubes.joined([arteries, veins])
    found = [*lesions, *mucus, *roots]
    return Chest(hu, share, geometry, grid, fields.lungs, fissures, vessels, airways, found)


def _thinner(geometry: Geometry, factor: int) -> Geometry:
    slices, rows, columns = geometry.shape_irc
    affine = geometry.affine_lps.copy()
    affine[:3, 3] -= affine[:3, 0] * (0.5 - 0.5 / factor)
    affine[:3, 0] /= factor
    return Geometry((slices * factor, rows, columns), affine)


def _paint_vessels(
    hu: FloatArray,
    share: NDArray[np.uint8],
    geometry: Geometry,
    body: Anatomy,
    tubes: Tubes,
    value_hu: float,
) -> None:
    base = np.float32(body.parenchyma_hu)

    def paint(box: tuple[slice, slice, slice], covered: FloatArray) -> None:
        # Only within lung; at the edge of the mediastinum it fades into what is there.
        lung = share[box].astype(np.float32) * np.float32(1 / 255)
        painted = base + covered * lung * np.float32(value_hu - base)
        np.maximum(hu[box], painted, out=hu[box])

    paint_tubes(
        geometry, tubes.start_xyz, tubes.end_xyz, tubes.start_radius_mm, tubes.end_radius_mm, paint
    )


def _paint_airways(
    hu: FloatArray, geometry: Geometry, lumina: Tubes, filled: NDArray[np.bool_]
) -> None:
    def paint_wall(box: tuple[slice, slice, slice], covered: FloatArray) -> None:
        np.maximum(hu[box], -900.0 + covered * np.float32(920.0), out=hu[box])

    def paint_lumen(box: tuple[slice, slice, slice], covered: FloatArray) -> None:
        hu[box] += (-995.0 - hu[box]) * covered

    first, last = lumina.start_radius_mm, lumina.end_radius_mm
    outer = (first + wall_mm(first), last + wall_mm(last))
    paint_tubes(geometry, lumina.start_xyz, lumina.end_xyz, *outer, paint_wall)
    start, end = lumina.start_xyz[~filled], lumina.end_xyz[~filled]
    paint_tubes(geometry, start, end, first[~filled], last[~filled], paint_lumen)
