"""The muscles of the chest wall and the shoulder blades, as layers that lie on one another.

A layer is as thick as a function of the height under the apex of the lungs and of the angle about
the chest says; fat lies between. Angles run from 0 at the spine to pi at the breastbone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.grid import Field, interpolation_matrix

RIBS_MM = 11.0
"""From the pleura to the outside of the ribs."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of one side.

    Args:
        name: of the muscle or bone.
        inner_mm: shape (height, angle), distance of its inside from the pleura.
        thickness_mm: likewise; 0 where it is not.
        bone: whether it is the shoulder blade.
    """

    name: str
    inner_mm: Field
    thickness_mm: Field
    bone: bool = False


@dataclass(frozen=True)
class _Form:
    """Limits in mm under the apex and in radians; each may change with the height.

    Args:
        thick: mm in the middle.
        top, bottom: heights, mm above the apex.
        low, high: angles, each at the top and at the bottom.
        blunt: exponent of the outline: small for a plate, large for a spindle.
        edge: mm over which the ends fade.
        gap: mm of fat under it, over that of all layers.
        bone: whether it is bone.
    """

    thick: float
    top: float
    bottom: float
    low: tuple[float, float]
    high: tuple[float, float]
    blunt: float = 0.45
    edge: float = 7.0
    gap: float = 0.0
    bone: bool = False


_FORMS = {
    "multifidus": _Form(9, 60, -400, (-0.1, -0.1), (0.17, 0.18), 0.5, gap=-0.7),
    "longissimus": _Form(17, 60, -400, (-0.06, -0.06), (0.35, 0.39), 0.4, gap=-0.5),
    "iliocostalis": _Form(11, 30, -400, (0.31, 0.34), (0.50, 0.57), 0.4, gap=-0.5),
    "serratus anterior": _Form(7.5, -12, -168, (0.80, 1.10), (1.72, 1.98), 0.35),
    "subscapularis": _Form(15, 4, -100, (0.66, 0.84), (1.42, 1.12), 0.5),
    "pectoralis minor": _Form(9, -14, -88, (1.72, 1.95), (2.2, 2.48), 0.4, gap=2.5),
    "scapula": _Form(3.0, 10, -122, (0.62, 0.90), (1.46, 1.02), 0.12, 3.0, bone=True),
    "infraspinatus": _Form(18, -34, -116, (0.66, 0.88), (1.40, 1.08), 0.5),
    "supraspinatus": _Form(22, 16, -26, (0.70, 0.70), (1.36, 1.36), 0.5),
    "teres major": _Form(22, -62, -122, (1.22, 1.02), (1.62, 1.40), 0.5, 9.0),
    "deltoid": _Form(52, 40, -34, (1.05, 1.15), (1.95, 1.75), 0.4, 9.0, 4.0),
    "rhomboideus": _Form(6, 2, -102, (0.10, 0.14), (0.60, 0.70), 0.3, gap=-0.3),
    "latissimus dorsi": _Form(11, -78, -400, (1.10, 0.30), (1.78, 1.5), 0.35, 12.0),
    "trapezius": _Form(6, 60, -150, (0.02, 0.02), (0.98, 0.26), 0.35, gap=-0.3),
    "pectoralis major": _Form(16, 4, -126, (1.62, 2.1), (2.96, 2.86), 0.55, 10.0, 1.0),
    "obliquus externus": _Form(7, -122, -400, (1.20, 1.0), (2.58, 2.55), 0.3, 12.0),
    "rectus abdominis": _Form(9, -138, -400, (2.62, 2.6), (3.06, 3.06), 0.35, 12.0),
}


def draw_layers(
    body: Anatomy, height_mm: Field, azimuth: Field, rng: np.random.Generator
) -> tuple[list[Layer], Field]:
    """Draw one side's layers, the innermost first.

    Args:
        body: the numbers.
        height_mm: shape (n,), above the apex of the lungs.
        azimuth: shape (m,), 0 to pi.
        rng: random numbers; each side has its own, as no one is symmetric.

    Returns:
        The layers, and how far the outermost reaches from the pleura, shape (n, m), mm.
    """
    s = body.scale
    h, a = height_mm[:, None] / s, azimuth[None, :]
    size = (len(height_mm), len(azimuth))
    lean = 1.0 + 0.035 * body.fat_mm
    # Beside the spine the wall begins behind the transverse processes, else on the ribs.
    start = np.interp(azimuth, (0.0, 0.14, 0.24, 0.36), (-2.0, -4.0, 4.0, RIBS_MM)) * s
    reach = start[None, :] + 0.6 * _noise(size, 9, 50, rng)
    layers = []
    for name, form in _FORMS.items():
        along = np.clip((form.top - h) / min(form.top - form.bottom, 150.0), 0.0, 1.0)
        shift = 0.03 * _noise((size[0], 1), 7, 1, rng)
        low = form.low[0] + (form.low[1] - form.low[0]) * along + shift
        high = form.high[0] + (form.high[1] - form.high[0]) * along + shift
        u = (a - 0.5 * (low + high)) / np.maximum(0.5 * (high - low), 0.02)
        shape = np.clip(1.0 - u * u, 0.0, 1.0) ** form.blunt
        ends = _fade(form.top - h, form.edge) * _fade(h - form.bottom, form.edge)
        uneven = 1.0 + 0.13 * _noise(size, 10, 45, rng) + float(rng.uniform(-0.15, 0.15))
        power = s if form.bone else s * body.muscle_scale
        thick = form.thick * power * shape * ends * uneven
        if name == "serratus anterior":  # it springs from the ribs in teeth
            thick = thick * (0.72 + 0.28 * np.sin((h + 38.0 * a) * (2 * np.pi / 23.0)))
        if form.bone:
            # Thin in its middle, thick along its borders.
            thick = (
                1.3 + 2.4 * np.clip(np.abs(u), 0, 1) ** 5 + 2.0 * np.clip(uneven - 1, 0, 1)
            ) * s
            thick = thick * (np.abs(u) < 1.0) * (ends > 0.5)
        thick = np.where(thick < 1.1, 0.0, thick)
        here = np.clip(thick / 2.0, 0.0, 1.0)
        fat = 0.9 * lean * np.clip(0.9 + 0.5 * _noise(size, 8, 26, rng), 0.3, 2.2) + form.gap * lean
        fat = fat if not form.bone else 0.4 * fat
        inner = reach + here * np.maximum(fat, 0.2)
        layers.append(Layer(name, inner.astype(np.float32), thick.astype(np.float32), form.bone))
        reach = inner + thick
        # What lies on it bridges its furrows; fat fills them.
        reach = _bridged(reach)
    return layers, np.asarray(reach, dtype=np.float32)


def _bridged(reach: Field, slope: float = 0.42) -> Field:
    """The least surface over another that nowhere falls by more than ``slope`` mm an angle."""
    ramp = slope * np.arange(reach.shape[1], dtype=np.float32)
    onward = np.maximum.accumulate(reach + ramp, axis=1) - ramp
    back = np.maximum.accumulate((reach - ramp)[:, ::-1], axis=1)[:, ::-1] + ramp
    return np.asarray(np.maximum(onward, back))


def _fade(distance: Field, width: float) -> Field:
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-distance / (0.5 * width), -30, 30))))


def _noise(
    shape: tuple[int, int], rows_apart: float, columns_apart: float, rng: np.random.Generator
) -> Field:
    """Smooth noise of unit variance on a sheet; the distances are in samples."""
    sheet = rng.standard_normal(
        [max(4, int(n / apart) + 4) for n, apart in zip(shape, (rows_apart, columns_apart),
                                                        strict=True)]
    ).astype(np.float32)  # fmt: skip
    for axis, n in enumerate(shape):
        knots = sheet.shape[axis]
        at = 1.0 + (knots - 3.001) * np.arange(n) / max(n - 1, 1)
        weights = interpolation_matrix(np.arange(knots, dtype=np.float32), at)
        sheet = np.moveaxis(np.tensordot(weights, sheet, axes=(1, axis)), 0, axis)
    return np.asarray(1.35 * sheet, dtype=np.float32)
