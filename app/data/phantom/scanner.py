"""The acquisition: where the slices lie, how the kernel blurs, what noise it leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from nodulus.app.data.phantom.anatomy import Anatomy
from nodulus.app.data.phantom.recipe import ScannerRecipe, draw
from nodulus.transforms.geometry import Geometry

FloatArray = NDArray[np.float32]

PADDING_HU = -2000
_THIN_MM = 0.9
_COARSE_NOISE_MM = 6.0
_NOISE_ANGLES = 12
_PER_WATER_MM = 0.014
# The most even squares of tissue, where noise is measured, lie a little lower than the median.
_EVEN_PERCENTILE = 45.0
_LEAST_NOISE, _MOST_NOISE = 0.35, 2.5
DRAWN_NOISE_MM = 2.0
"""The recipe's noise is that of slices up to this; thicker ones average more photons."""


@dataclass(frozen=True)
class Acquisition:
    """One scan of one body.

    Args:
        kernel: name that goes into ConvolutionKernel.
        sigma_mm: width of the in-plane point spread (Gaussian).
        overshoot: how much a sharp kernel lifts middle frequencies (0: not at all).
        slice_sigma_mm: width of the slice profile.
        noise_hu: standard deviation in even soft tissue.
        noise_rise: exponent with which the noise power rises at low frequencies.
        noise_cut: where it falls, cycles per mm.
        noise_fall: how steeply.
        streak: 0 to 1, share of noise power along the line from side to side.
        round_field: whether corners outside of the round field hold the padding value.
        slice_thickness_mm: nominal.
        kvp: tube voltage.
        frame_lps_mm: LPS position of the anatomy's origin.
    """

    kernel: str
    sigma_mm: float
    overshoot: float
    slice_sigma_mm: float
    noise_hu: float
    noise_rise: float
    noise_cut: float
    noise_fall: float
    streak: float
    round_field: bool
    slice_thickness_mm: float
    kvp: float
    frame_lps_mm: tuple[float, float, float]


def draw_acquisition(
    recipe: ScannerRecipe, body: Anatomy, rng: np.random.Generator
) -> tuple[Acquisition, Geometry]:
    """Draw a scan.

    Most hold the whole lungs; a small field cuts the body at the sides, and some scans end early:
    by plan, or because thin slices would be too many.

    Returns:
        The acquisition, and the grid in anatomy mm. Coordinates are rounded to what a DICOM
        decimal string holds, so that all files agree.
    """
    sharp = rng.random() < recipe.sharp_probability
    narrowest = (2.0 * body.half_width + 24.0) / 512.0
    pixel_512 = max(draw(recipe.pixel_spacing_512, rng), min(narrowest, 0.95))
    if body.arms_down:
        pixel_512 = max(pixel_512, 0.86)
    if rng.random() < recipe.small_field_probability:
        pixel_512 = (2.0 * body.half_width + float(rng.uniform(-25.0, 10.0))) / 512.0
    pixel = round(pixel_512 * 512.0 / recipe.matrix, 6)
    step = float(rng.choice(recipe.slice_spacings))
    top = body.apex_z + 1.5 * body.warp_mm + float(rng.uniform(5, 18))
    bottom = body.base_z - 1.5 * body.warp_mm - float(rng.uniform(5, 20))
    if rng.random() < recipe.cut_probability:
        cut = float(rng.uniform(-50.0, 50.0))
        top, bottom = top + min(cut, 0.0), bottom + max(cut, 0.0)
    reach = step * (recipe.max_slices - 1)
    if reach < top - bottom and step < _THIN_MM and rng.random() < 0.5:
        bottom += float(rng.uniform(0.0, 1.0)) * (top - bottom - reach)
        top = bottom + reach - 0.5 * step
    slices = int(np.ceil((top - bottom) / step)) + 1
    if slices > recipe.max_slices:
        step = round((top - bottom) / (recipe.max_slices - 1) + 0.005, 2)
        slices = int(np.ceil((top - bottom) / step)) + 1
    center_y = body.back_y - body.half_depth * 0.92 + float(rng.uniform(-6, 6))
    half = pixel * (recipe.matrix - 1) / 2
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, pixel], [0, pixel, 0], [step, 0, 0]])
    affine[:3, 3] = np.round([-half + rng.uniform(-5, 5), center_y - half, bottom], 3)
    soft_names, sharp_names = ("STANDARD", "B30f", "FC08", "B"), ("LUNG", "B70f", "FC51", "BONE")
    sigma = draw(recipe.sharp_sigma if sharp else recipe.soft_sigma, rng)
    acquisition = Acquisition(
        kernel=str(rng.choice(sharp_names if sharp else soft_names)),
        sigma_mm=max(sigma, 0.45 * pixel),
        overshoot=draw(recipe.sharp_overshoot, rng) if sharp else 0.0,
        slice_sigma_mm=float(rng.uniform(0.3, 0.45)) * step,
        noise_hu=draw(recipe.sharp_noise_hu if sharp else recipe.soft_noise_hu, rng)
        * min(1.0, DRAWN_NOISE_MM / step) ** 0.5,
        noise_rise=float(rng.uniform(0.9, 1.7) if sharp else rng.uniform(0.4, 1.1)),
        noise_cut=float(rng.uniform(0.55, 0.72) if sharp else rng.uniform(0.3, 0.45)),
        noise_fall=float(rng.uniform(3.5, 7.0) if sharp else rng.uniform(1.8, 2.8)),
        streak=draw(recipe.streak, rng),
        round_field=bool(rng.random() < recipe.round_field_probability),
        slice_thickness_mm=round(step * float(rng.choice([1.0, 1.0, 1.25])), 3),
        kvp=float(rng.choice([100, 120, 120, 120, 140])),
        frame_lps_mm=(
            round(float(rng.uniform(-10, 10)), 1),
            round(float(rng.uniform(-30, 30)), 1),
            round(float(rng.uniform(-220, -60)), 1),
        ),
    )
    return acquisition, Geometry((slices, recipe.matrix, recipe.matrix), affine)


def _frequencies(shape: tuple[int, int], pixel_mm: float) -> tuple[FloatArray, FloatArray]:
    fy = fft.fftfreq(shape[0], pixel_mm).astype(np.float32)[:, None]
    fx = fft.fftfreq(shape[1], pixel_mm).astype(np.float32)[None, :]
    return fy, fx


def blur(hu: FloatArray, geometry: Geometry, scan: Acquisition) -> None:
    """Apply the kernel's and the slice profile's point spread, in place."""
    step, pixel, _ = geometry.spacing_irc_mm
    fy, fx = _frequencies((hu.shape[1], hu.shape[2]), pixel)
    half = fx[:, : hu.shape[2] // 2 + 1]
    f2 = fy**2 + half**2
    transfer = np.exp(-2.0 * (np.pi * scan.sigma_mm) ** 2 * f2)
    transfer *= 1.0 + scan.overshoot * (1.0 - np.exp(-f2 / 0.3**2))
    transfer = transfer.astype(np.float32)
    for n in range(len(hu)):
        hu[n] = fft.irfft2(fft.rfft2(hu[n]) * transfer, s=hu[n].shape)
    sigma = scan.slice_sigma_mm / step
    if sigma > 0.15:
        for row in range(0, hu.shape[1], 32):
            block = hu[:, row : row + 32]
            hu[:, row : row + 32] = gaussian_filter1d(block, sigma, axis=0, truncate=3.0)


def _strength(hu: FloatArray, pixel_mm: float) -> FloatArray:
    """Factor on each slice's noise: it grows with the water that rays from side to side cross.

    Half as much as without the tube's current following the body.
    """
    water_mm = np.array(
        [
            gaussian_filter1d(np.clip(s[::4, ::4] + 1000.0, 0, 2500).sum(axis=1), 4.0).max()
            for s in hu
        ]
    )
    water_mm *= 4.0 * pixel_mm / 1000.0
    strength = np.exp(0.0048 * (water_mm - np.median(water_mm)))
    return np.asarray(np.clip(strength, 0.7, 2.2), dtype=np.float32)


def _local_noise(
    hu: FloatArray, pixel_mm: float
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Deviation of the noise in each place, 1 in the even parts of soft tissue.

    Filtered back-projection spreads the noise of every ray along it; a ray's variance grows with
    the water that it crosses, half as fast as without the tube's current following the body. So
    the variance of a pixel is the mean over the rays through it.

    Returns:
        The deviation on coarse pixels, shape (I, r, c), and matrices (R, r) and (c, C) that
        interpolate a plane of it to the slice.
    """
    factor = max(1, round(_COARSE_NOISE_MM / pixel_mm))
    small = np.clip(hu[:, factor // 2 :: factor, factor // 2 :: factor] + 1000.0, 0.0, 2500.0)
    small *= np.float32(1e-3)
    cell_mm = factor * pixel_mm
    count, rows, columns = small.shape
    y, x = np.indices((rows, columns)) - np.array([rows / 2, columns / 2])[:, None, None]
    reach = int(np.ceil(np.hypot(rows, columns) / 2)) + 1
    variance = np.zeros((count, rows * columns))
    flat = small.reshape(count, -1)
    for angle in np.arange(_NOISE_ANGLES) * np.pi / _NOISE_ANGLES:
        ray = (np.rint(x * np.cos(angle) + y * np.sin(angle)).astype(int) + reach).ravel()
        # Bins of one cell hold 1 cell^2 of area a cell of length.
        for n in range(count):
            water_mm = np.bincount(ray, flat[n], 2 * reach + 1) * cell_mm
            variance[n] += np.exp(_PER_WATER_MM * gaussian_filter1d(water_mm, 1.0))[ray]
    deviation = np.sqrt(variance / _NOISE_ANGLES).reshape(small.shape)
    deviation = gaussian_filter(deviation, (0.0, 1.0, 1.0))
    even = gaussian_filter(small, (0.0, 1.0, 1.0))
    tissue = (even > 0.95) & (even < 1.35)
    level = np.percentile(deviation[tissue], _EVEN_PERCENTILE) if tissue.any() else 1.0
    deviation = np.clip(deviation / level, _LEAST_NOISE, _MOST_NOISE).astype(np.float32)
    ways = [
        _linear(length, size, factor)
        for length, size in zip(hu.shape[1:], (rows, columns), strict=True)
    ]
    return deviation, (ways[0], np.ascontiguousarray(ways[1].T))


def _linear(length: int, size: int, factor: int) -> FloatArray:
    """Weights from every ``factor``-th of ``length`` points to all of them, (length, size)."""
    at = np.clip((np.arange(length) - factor // 2) / factor, 0.0, size - 1.0)
    low = np.minimum(at.astype(int), max(size - 2, 0))
    part = (at - low).astype(np.float32)
    weights = np.zeros((length, size), dtype=np.float32)
    weights[np.arange(length), low] = 1.0 - part
    weights[np.arange(length), np.minimum(low + 1, size - 1)] += part
    return weights


def add_noise(
    hu: FloatArray, geometry: Geometry, scan: Acquisition, rng: np.random.Generator
) -> None:
    """Add noise of the power spectrum f**rise * exp(-(f / cut)**fall), in place.

    The form and the ranges follow the spectra of real scans: filtered back-projection leaves a
    ramp at low frequencies, and the kernel ends it. Two slices come from one complex transform;
    neighbours share a little of it. It is stronger where rays cross more, as in the shoulders and
    the mediastinum, and weaker in the lungs.
    """
    _, pixel, _ = geometry.spacing_irc_mm
    shape = (hu.shape[1], hu.shape[2])
    fy, fx = _frequencies(shape, pixel)
    radius = np.sqrt(fy**2 + fx**2)
    fall = np.exp(-0.5 * (radius / scan.noise_cut) ** scan.noise_fall)
    amplitude = radius ** (0.5 * scan.noise_rise) * fall
    # Rays from side to side are the weakest: their noise runs along x, so it varies along y.
    amplitude *= 1.0 + scan.streak * (np.abs(fy) - np.abs(fx)) / np.maximum(radius, 1e-6)
    amplitude /= np.sqrt(np.mean(amplitude**2))
    amplitude *= np.float32(np.sqrt(amplitude.size))
    amplitude = amplitude.astype(np.float32)
    local, ways = _local_noise(hu, pixel)
    local *= np.float32(scan.noise_hu)
    strength = _strength(hu, pixel)
    bands = rng.standard_normal((len(hu), shape[0])).astype(np.float32)
    bands = 1.9 * gaussian_filter1d(bands, 1.0, axis=1)
    before = np.zeros(shape, dtype=np.float32)
    for first in range(0, len(hu), 2):
        white = rng.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
        pair = fft.ifft2(white * amplitude, overwrite_x=True)
        for n, fresh in ((first, pair.real), (first + 1, pair.imag)):
            if n < len(hu):
                noise = 0.94 * fresh + 0.34 * before
                # Where few photons are left, at the shoulders and between arms, streaks run across.
                noise += max(0.7 * (strength[n] - 1.15), 0.0) * bands[n][:, None]
                hu[n] += noise * (ways[0] @ local[n] @ ways[1])
                before = fresh


def outside_round_field(shape_rc: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of a slice that lie outside of its largest circle, shape (R, C)."""
    rows = np.arange(shape_rc[0])[:, None] - (shape_rc[0] - 1) / 2
    columns = np.arange(shape_rc[1])[None, :] - (shape_rc[1] - 1) / 2
    return np.asarray(np.hypot(rows, columns) > shape_rc[1] / 2)


def pad_round_field(hu: NDArray[np.int16]) -> None:
    """Put the padding value outside of the largest circle, in place."""
    hu[:, outside_round_field(hu.shape[1:])] = PADDING_HU
