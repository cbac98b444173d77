"""Heart, great vessels, oesophagus and the fat between them.

Positions are in mm of :func:`nodulus.app.data.phantom.heart.heart_point`. They were set by hand
from anatomy and compared by eye with the real scans of docs/phantom.md; they come from no atlas. At
scale 1 the large vessels are within two standard deviations of what CT finds: ascending, descending
aorta 33 (SD 4) and 24 (SD 3) mm (Wolak et al., JACC Cardiovasc Imaging 1(2), 2008), pulmonary trunk
25 (SD 3) mm (Truong et al., Circ Cardiovasc Imaging 5(1), 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import CoarseGrid, Field, smooth_min, smooth_noise
from nodulus.app.data.phantom.heart import heart_point, make_heart
from nodulus.app.data.phantom.signed_distances import FAR_MM, add_ellipsoid, add_tube, far_field

Path = list[tuple[float, float, float]]

_HEART = (16.0, -72.0, -76.0)
"""About its middle, as :func:`heart_point` takes it."""

_VEIN_MOUTHS = {
    (-1, False): (-14, -40, -44),
    (-1, True): (-14, -38, -54),
    (1, False): (24, -38, -44),
    (1, True): (24, -36, -52),
}
"""Where the veins of a side's upper (and middle) and lower lobes enter the left atrium."""
_VEIN_ROOTS = {
    (-1, False): (-38, -42, -44),
    (-1, True): (-36, -32, -58),
    (1, False): (44, -40, -40),
    (1, True): (42, -30, -56),
}


VEIN_RADIUS_MM = 4.5
"""Of a pulmonary vein where it goes over into its branches."""


@dataclass(frozen=True, eq=False)
class Mediastinum:
    """Signed distances (mm) and densities.

    Args:
        outline: everything between the lungs.
        blood: what takes up contrast.
        blood_hu: density of the nearest blood.
        muscle: the heart's walls.
        soft: oesophagus and small veins without contrast medium.
        air: in the oesophagus.
        grooves: where the coronary arteries run, each points (n, 3) in anatomy mm.
    """

    outline: Field
    blood: Field
    blood_hu: Field
    muscle: Field
    soft: Field
    air: Field
    grooves: tuple[np.ndarray, ...]


def hilum_xyz(body: Anatomy, side: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Where artery and bronchus enter a lung; ``side`` is -1 for the right, +1 for the left."""
    x, z = (-40.0, -24.0) if side < 0 else (43.0, -14.0)
    return np.array([x * body.scale, body.spine_y - 34.0 * body.depth_factor, z * body.scale])


def vein_xyz(body: Anatomy, side: int, lower: bool) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Where the trunk from the left atrium becomes the veins of one lung's lower or other lobes."""
    return np.array(heart_point(body, *_VEIN_ROOTS[side, lower]))


def make_mediastinum(body: Anatomy, grid: CoarseGrid, rng: np.random.Generator) -> Mediastinum:
    """Draw the mediastinum."""
    s = body.scale
    whole, half = grid, 112.0 * s
    low = np.array([-half, body.back_y - 2.0 * body.half_depth - 12.0, grid.z_mm[0] - 1.0])
    high = np.array([half, body.back_y + 12.0, grid.z_mm[-1] + 1.0])
    box = whole.box(low, high)
    grid = whole.part(box)  # nothing of it lies elsewhere
    heart = make_heart(body, grid, rng)
    blood, soft, air = far_field(grid), far_field(grid), far_field(grid)
    muscle, bag = far_field(grid), far_field(grid)
    blood_hu = np.full(grid.shape, body.blood.left, dtype=np.float32)
    muscle[heart.box] = heart.muscle
    bag[heart.box] = heart.pericardium
    wide = float(rng.uniform(0.85, 1.15))
    sway = rng.uniform(-2.5, 2.5, 3)

    def at(x: float, y: float, z: float) -> tuple[float, float, float]:
        return heart_point(body, x + sway[0] * (y > -40), y + sway[1], z + sway[2])

    def unite(part: Field, box: tuple[slice, ...], hu: float) -> None:
        nearer = part < blood[box]
        blood_hu[box][nearer] = hu
        blood[box][nearer] = part[nearer]

    unite(heart.left_blood, heart.box, body.blood.left)
    unite(heart.right_blood, heart.box, body.blood.right)
    vessels = far_field(grid)
    for name, hu in (
        ("left", body.blood.left),
        ("right", body.blood.right),
        ("cava", body.blood.cava),
        ("systemic", body.blood.systemic),
    ):
        drawn = far_field(grid)
        for path, radii in _vessels(name, wide):
            add_tube(drawn, grid, [at(*p) for p in path], [r * s for r in radii], 2.0)
        unite(drawn, (slice(None),) * 3, hu)
        np.minimum(vessels, drawn, out=vessels)
    veins = far_field(grid)
    for (side, lower), start in _VEIN_MOUTHS.items():
        end = grid.warp(vein_xyz(body, side, lower))
        add_tube(veins, grid, [at(*start), end], [7.5 * s, VEIN_RADIUS_MM * s], 2.0)
    unite(veins, (slice(None),) * 3, body.blood.left)
    # Blood mixes slowly where the medium comes in.
    mixing = smooth_noise(grid.shape, 14.0 / grid.step_mm, rng)
    blood_hu += 0.035 * np.maximum(blood_hu - 40.0, 20.0) * mixing
    gullet: Path = [(5, -21, 110), (8, -21, 40), (9, -22, 0), (9, -24, -50), (16, -30, -95),
                    (22, -40, -130), (26, -50, -170)]  # fmt: skip
    places = [at(x + rng.uniform(-2, 2), y, z) for x, y, z in gullet]
    wall = far_field(grid)
    for shift in (-3.0, 3.0):  # wider than deep
        flat = [(x + shift * s, y, z) for x, y, z in places]
        add_tube(wall, grid, flat, [float(rng.uniform(5.2, 6.8)) * s for _ in flat], 3.0)
    # It holds air here and there.
    drift = np.array([(rng.uniform(-2, 2), rng.uniform(-1.5, 1.5), 0.0) for _ in places])
    add_tube(air, grid, list(np.array(places) + drift), list(rng.uniform(1.5, 4.0, len(places))))
    air += 4.0 * np.clip(float(rng.uniform(0.0, 1.2)) - mixing, 0.0, 2.0)
    np.maximum(air, wall + 2.2, out=air)
    np.minimum(soft, wall, out=soft)
    tissue = smooth_min(smooth_min(vessels, soft, 5.0), bag, 8.0)
    tissue = tissue - (1.0 + 3.5 * body.mediastinal_fat) * np.clip(0.8 + 0.5 * mixing, 0.0, 2.0)
    outline = _outline(body, grid, tissue.astype(np.float32))
    # The fat ends where the veins leave it: in the lung they are bare.
    outline = smooth_min(outline, veins - 0.8, 3.0).astype(np.float32)

    def spread(part: Field, elsewhere: float = FAR_MM) -> Field:
        field = np.full(whole.shape, elsewhere, dtype=np.float32)
        field[box] = part
        return field

    return Mediastinum(
        spread(outline),
        spread(blood),
        spread(blood_hu, body.blood.left),
        spread(muscle),
        spread(soft),
        spread(air),
        heart.grooves,
    )


def _vessels(name: str, wide: float) -> list[tuple[Path, list[float]]]:
    """Centre lines and radii of vessels with one blood, mm; ``wide`` scales the aorta."""
    if name == "left":
        aorta: Path = [
            (-4, -70, -28), (-8, -70, -10), (-5, -66, 14), (4, -54, 32), (15, -34, 36),
            (24, -18, 24), (27, -14, -8), (26, -13, -60), (19, -16, -120), (6, -22, -250),
        ]  # fmt: skip
        return [
            (aorta, [r * wide for r in (15, 15.5, 15, 14, 13, 12.5, 12, 11.5, 11, 10)]),
            ([(-1, -60, 36), (-12, -54, 62), (-22, -48, 120)], [7, 5.5, 4.5]),
            ([(9, -46, 36), (14, -42, 75), (18, -38, 120)], [5, 4, 3.5]),
            ([(18, -30, 36), (25, -28, 70), (34, -30, 115)], [5.5, 5, 4.5]),
        ]
    if name == "right":
        return [
            ([(22, -84, -26), (22, -70, -14), (30, -50, -8), (46, -34, -10)], [13, 13, 11, 8]),
            ([(20, -64, -15), (-4, -52, -20), (-28, -42, -23), (-44, -34, -26)], [12, 11, 9.5, 7]),
            ([(-22, -54, -84), (-20, -40, -112), (-18, -34, -140), (-17, -26, -250)],
             [12, 12, 12, 11]),
        ]  # fmt: skip
    if name == "cava":
        return [
            ([(-24, -56, 66), (-25, -56, 30), (-26, -58, -40)], [7.5, 8.5, 10]),
            ([(-24, -57, 60), (-2, -74, 60), (22, -70, 70), (34, -58, 86)], [7, 6, 5.5, 5.5]),
            ([(-24, -56, 62), (-30, -56, 95), (-40, -56, 115)], [7, 6.5, 5.5]),
        ]
    azygos: Path = [(-22, -50, 22), (-17, -28, 24), (-11, -18, 14), (-8, -18, -40), (-6, -18, -200)]
    return [
        (azygos, [4.0, 4.0, 3.6, 3.2, 3.0]),
        ([(13, -12, -30), (12, -13, -200)], [2.2, 2.2]),
    ]


def _outline(body: Anatomy, grid: CoarseGrid, tissue: Field) -> Field:
    """The tissue with its fat, and the sheet between the lungs from breastbone to spine."""
    x, y, z = grid.warped
    s = body.scale
    u = (y - body.spine_y) / s / np.where(y < body.spine_y, body.depth_factor, 1.0)
    upper = 1.0 / (1.0 + np.exp(-(z / s - 8.0) / 12.0))
    half = 4.0 + 17.0 * np.exp(-(((u + 25) / 24) ** 2)) + 9.0 * np.exp(-((u / 16) ** 2))
    front = (y - body.back_y + 2.0 * body.half_depth) / s
    half = half + (6.0 + 9.0 * body.mediastinal_fat) * np.exp(
        -((np.maximum(front, 0.0) / (12.0 + 8.0 * body.mediastinal_fat)) ** 2)
    )
    half = half + upper * (14.0 + 8.0 * body.mediastinal_fat) * np.exp(-(((u + 55) / 26) ** 2))
    # The anterior junction runs a little to the left, where the heart pushes the left lung.
    sheet = (np.abs(x / s - 3.0 * (1 - upper)) - half) * s * 0.8
    outline = smooth_min(sheet.astype(np.float32), tissue - 1.0, 10.0)
    for side in (-1, 1):
        add_ellipsoid(outline, grid, hilum_xyz(body, side), np.array([12, 13, 18]) * s, None, 8.0)
    # Pads of fat in the angles between heart and diaphragm.
    size = 7.0 + 13.0 * body.mediastinal_fat
    for place, large in (((-38, -96, -112), 0.9), ((66, -102, -112), 1.1)):
        radii = np.array([1.2, 1.0, 1.3]) * size * large * s
        middle = _at_surface(outline, grid, heart_point(body, *place), heart_point(body, *_HEART))
        add_ellipsoid(outline, grid, middle, radii, None, 22.0)
    return outline


def _at_surface(
    field: Field, grid: CoarseGrid, outer: tuple[float, ...], inner: tuple[float, ...]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The first point inside a field on the way from one point to another: a pad does not float."""
    way = np.linspace(np.asarray(outer, np.float64), np.asarray(inner, np.float64), 41)
    inside = np.flatnonzero(grid.sample(field, way) <= 0.0)
    return np.asarray(way[inside[0] if len(inside) else -1])
