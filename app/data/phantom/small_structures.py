"""What is too small for the coarse grid: nodes, vessels in fat, chalk, cables on the skin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import CoarseGrid, Field
from nodulus.app.data.phantom.heart import heart_point
from nodulus.app.data.phantom.solids import Solid, cover
from nodulus.app.data.phantom.tubes import paint_tubes
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float32]
Points = NDArray[np.float64]

NODE_HU, METAL_HU = 42.0, 2600.0
# Where nodes lie: paratracheal, subcarinal, beside the aorta, in front, at the hila; half-widths.
_STATIONS = (
    ((-16, -44, 22), (7, 10, 20)), ((2, -34, -24), (10, 6, 8)), ((26, -40, 8), (7, 8, 9)),
    ((4, -78, 24), (16, 8, 18)), ((-30, -44, -22), (6, 8, 12)), ((34, -40, -18), (6, 8, 12)),
)  # fmt: skip


def paint_small_structures(
    hu: FloatArray,
    lung_share: NDArray[np.uint8],
    geometry: Geometry,
    body: Anatomy,
    grid: CoarseGrid,
    skin: Field,
    grooves: tuple[Points, ...],
    rng: np.random.Generator,
) -> None:
    """Paint all of one body, in place.

    Args:
        hu: shape (I, R, C).
        lung_share: how much of each voxel is lung, 0 to 255; lung is left as it is.
        geometry: axial grid in anatomy mm.
        body: the numbers.
        grid: where ``skin`` is sampled.
        skin: signed distance of the skin, mm.
        grooves: where the coronary arteries run, each points (n, 3) in anatomy mm.
        rng: random numbers.
    """

    def in_fat(box: tuple[slice, slice, slice], covered: FloatArray, value: float) -> None:
        there = hu[box]
        fat = np.clip((there + 260.0) / 60.0, 0, 1) * np.clip((10.0 - there) / 50.0, 0, 1)
        fat *= 1.0 - lung_share[box] * np.float32(1 / 255)
        there += (value - there) * covered * fat

    def solid(center: Points, radii: Points, value: float, share: float = 1.0) -> None:
        found = cover(geometry, Solid(center, tuple(radii), _turned(rng), value))
        if found is not None:
            in_fat(found[0], found[1] * np.float32(share), value)

    def tube(points: Points, radius: float, value: float) -> None:
        radii = np.full(len(points) - 1, radius)
        paint_tubes(
            geometry, points[:-1], points[1:], radii, radii,
            lambda box, covered: in_fat(box, covered, value),
        )  # fmt: skip

    lift = 35.0 if body.has_contrast else 0.0
    for _ in range(body.nodes):
        middle, reach = _STATIONS[int(rng.integers(len(_STATIONS)))]
        place = np.array(heart_point(body, *(np.array(middle) + rng.uniform(-1, 1, 3) * reach)))
        # Short axis of 3 to 8 mm.
        radii = rng.uniform(1.5, 4.0) * np.array([1.0, rng.uniform(1.0, 1.4), rng.uniform(1.2, 2)])
        solid(place, radii, NODE_HU + lift * float(rng.uniform(0.4, 1.0)))
    _paint_thymus(solid, body, rng)
    for groove in grooves:
        tube(_curve(groove, 14, 1.5, rng), float(rng.uniform(1.3, 1.9)), body.blood.left)
    for side in (-1.0, 1.0):  # internal mammary vessels
        for apart in (0.0, 5.0):
            x = side * (25.0 + apart) * body.scale
            y = body.back_y - 2.0 * body.half_depth + 8.0
            course = ((22.0, 25.0), (6.0, 60.0), (0.0, 110.0), (0.0, 190.0))
            ends = np.array([[x, y + back, body.apex_z - down] for back, down in course])
            tube(_curve(ends, 24, 1.0, rng), 1.3, 0.5 * (body.blood.left + body.blood.systemic))
    if body.has_breasts:
        _paint_glands(solid, body, rng)
    for points in _vessels_under_skin(body, grid, skin, rng):
        tube(points, float(rng.uniform(0.6, 1.3)), body.blood.systemic)
    for _ in range(body.coronary_calcium):
        groove = _curve(grooves[int(rng.choice(len(grooves), p=(0.6, 0.2, 0.2)))], 30, 1.0, rng)
        _paint_over(hu, geometry, groove[int(rng.integers(3, 22))], rng.uniform(0.8, 2.0, 3),
                    float(rng.uniform(350, 900)), rng)  # fmt: skip
    _paint_leads(hu, geometry, body, grid, skin, rng)


def _paint_thymus(solid: Callable[..., None], body: Anatomy, rng: np.random.Generator) -> None:
    """What is left of the thymus: faint streaks in the fat behind the breastbone."""
    share = float(rng.uniform(0.15, 0.6))
    for _ in range(int(rng.integers(3, 9))):
        place = np.array([rng.uniform(-6, 18), rng.uniform(-98, -86), rng.uniform(-15, 35)])
        radii = np.array([rng.uniform(1.0, 2.4), rng.uniform(3, 8), rng.uniform(6, 14)])
        solid(np.array(heart_point(body, *place)), radii, 25.0, share)


def _paint_glands(solid: Callable[..., None], body: Anatomy, rng: np.random.Generator) -> None:
    """Strands of gland in the fat of the breasts; more in some."""
    s, count = body.scale, int(rng.integers(0, 26))
    front = body.back_y - 2.0 * body.half_depth - 24.0 - 0.4 * body.fat_mm
    for side in (-1.0, 1.0):
        for _ in range(count):
            x, y, z = rng.normal(0.0, 1.0, 3) * (17.0, 5.0, 18.0)
            place = np.array([side * (72.0 + x) * s, front + y, body.apex_z + (z - 160.0) * s])
            radii = np.array([rng.uniform(2, 8), rng.uniform(1.0, 4.0), rng.uniform(3, 9)])
            solid(place, radii, 35.0, float(rng.uniform(0.4, 0.9)))


def _turned(rng: np.random.Generator) -> Points:
    """Axes turned a little."""
    q, r = np.linalg.qr(np.eye(3) + rng.uniform(-0.45, 0.45, (3, 3)))
    return np.asarray((q * np.sign(np.diag(r))).T)


def _curve(points: Points, pieces: int, wobble_mm: float, rng: np.random.Generator) -> Points:
    """More points along a polyline, with a smooth deviation."""
    at = np.linspace(0, len(points) - 1, pieces + 1)
    line = np.stack([np.interp(at, np.arange(len(points)), points[:, n]) for n in range(3)], axis=1)
    knots = rng.normal(0.0, wobble_mm, (pieces // 3 + 2, 3))
    steps = np.linspace(0, len(knots) - 1, pieces + 1)
    return np.asarray(
        line + np.stack([np.interp(steps, np.arange(len(knots)), k) for k in knots.T], axis=1)
    )


def _vessels_under_skin(
    body: Anatomy, grid: CoarseGrid, skin: Field, rng: np.random.Generator
) -> list[Points]:
    """Small vessels that climb through the fat under the skin."""
    middle_y = body.back_y - body.half_depth
    found = []
    for _ in range(int(rng.integers(8, 20))):
        angle, z = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(body.base_z, body.apex_z))
        points = []
        for _ in range(int(rng.integers(8, 26))):
            out = np.array([np.sin(angle), np.cos(angle), 0.0])
            place = np.array([0.0, middle_y, z]) + 140.0 * out
            depth = 3.0 + float(rng.uniform(0.15, 0.55)) * body.fat_mm
            for _ in range(3):
                place += out * (-depth - grid.sample(skin, place[None])[0])
            points.append(place)
            angle += float(rng.normal(0.0, 0.03))
            z += float(rng.uniform(3.0, 7.0))
        found.append(np.array(points))
    return found


def _paint_over(
    hu: FloatArray, geometry: Geometry, center: Points, radii: Points, value: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    found = cover(geometry, Solid(center, tuple(radii), _turned(rng), value))
    if found is not None:
        hu[found[0]] += found[1] * np.maximum(value - hu[found[0]], 0.0)


def _paint_leads(
    hu: FloatArray, geometry: Geometry, body: Anatomy, grid: CoarseGrid, skin: Field,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Electrodes on the front of the chest, a cable from each, and a faint streak from them."""
    middle_y = body.back_y - body.half_depth

    def on_skin(angle: float, z: float, above_mm: float) -> Points:
        out = np.array([np.sin(angle), -np.cos(angle), 0.0])
        place = np.array([0.0, middle_y, z]) + 150.0 * out
        for _ in range(4):
            place += out * (above_mm - grid.sample(skin, place[None])[0])
        return np.asarray(place)

    for _ in range(body.leads):
        angle, z = float(rng.uniform(-1.1, 1.1)), float(rng.uniform(-150.0, 60.0))
        pad = on_skin(angle, z, 1.2)
        _paint_over(hu, geometry, pad, np.array([9.0, 1.4, 9.0]), 120.0, rng)
        _paint_over(hu, geometry, pad, np.array([2.2, 2.0, 2.2]), METAL_HU, rng)
        path = []
        for _ in range(int(rng.integers(10, 26))):
            path.append(on_skin(angle, z, 2.6))
            angle += float(rng.normal(0.0, 0.035))
            z += float(rng.uniform(3.0, 6.0))
        line = np.array([pad, *path])
        radii = np.full(len(line) - 1, 1.1)

        def paint(box: tuple[slice, slice, slice], covered: FloatArray) -> None:
            hu[box] += covered * np.maximum(600.0 - hu[box], 0.0)

        paint_tubes(geometry, line[:-1], line[1:], radii, radii, paint)
        _paint_streaks(hu, geometry, pad, rng)


def _paint_streaks(
    hu: FloatArray, geometry: Geometry, center: Points, rng: np.random.Generator
) -> None:
    """A few dark and bright rays in the slices that hold a piece of metal."""
    k, j, i = geometry.lps_to_index(center)
    reach = 2.2 / geometry.spacing_irc_mm[0]
    first, last = max(int(np.ceil(k - reach)), 0), min(int(np.floor(k + reach)) + 1, len(hu))
    if first >= last:
        return
    rows = np.arange(hu.shape[1], dtype=np.float32)[:, None] - np.float32(j)
    columns = np.arange(hu.shape[2], dtype=np.float32)[None, :] - np.float32(i)
    pixel = np.float32(geometry.spacing_irc_mm[1])
    rays = np.zeros(hu.shape[1:], dtype=np.float32)
    for _ in range(int(rng.integers(4, 9))):
        angle, strength = rng.uniform(0, np.pi), float(rng.normal(0.0, 45.0))
        across = (rows * np.float32(np.cos(angle)) - columns * np.float32(np.sin(angle))) * pixel
        along = np.abs(rows * np.float32(np.sin(angle)) + columns * np.float32(np.cos(angle)))
        rays += strength * np.exp(-((across / 1.6) ** 2) - along * pixel / 45.0)
    for n in range(first, last):
        hu[n] += rays * (hu[n] > -990.0)
