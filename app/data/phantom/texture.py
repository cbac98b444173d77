"""Fine texture of the lung: what lies between the vessels that a tree draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

FloatArray = NDArray[np.float32]

TILE = 128
STEP_MM = 0.8
LONGEST_MM, SHORTEST_MM = 7.0, 1.2
SPECTRAL_SLOPE = 0.9
SKEW = 0.22
PATCH_MM = 40.0
PATCH_MEAN, PATCH_SPREAD, PATCH_MOST = 0.85, 0.6, 2.4


@dataclass(frozen=True, eq=False)
class FineTexture:
    """A periodic cube of texture.

    Args:
        tile: shape (128, 128, 128), mean 0, deviation 1, bright spots stronger than dark ones, as
            small vessels and septa are.
        first: index (z, y, x) of the anatomy's origin in it.
    """

    tile: FloatArray
    first: tuple[int, int, int]

    def plane(self, xs: NDArray[np.float64], ys: NDArray[np.float64], z: float) -> FloatArray:
        """Values at the points of an axial plane, anatomy mm; shape (len(ys), len(xs))."""
        height = z / STEP_MM + self.first[0]
        low = int(np.floor(height))
        part = np.float32(height - low)
        rows, columns = (
            np.round(at / STEP_MM).astype(int) + start
            for at, start in zip((ys, xs), self.first[1:], strict=True)
        )
        pick = np.ix_(rows % TILE, columns % TILE)
        below, above = self.tile[low % TILE][pick], self.tile[(low + 1) % TILE][pick]
        scale = np.float32(1.0 / np.hypot(1.0 - part, part))
        return np.asarray(scale * ((1 - part) * below + part * above), dtype=np.float32)


def make_fine_texture(rng: np.random.Generator) -> FineTexture:
    """Draw noise whose amplitude falls with frequency between two lengths, slightly skewed.

    It is stronger in some places than in others and all but gone in a few, as real lung is.
    """
    white = rng.standard_normal((TILE, TILE, TILE), dtype=np.float32)
    f = fft.fftfreq(TILE, STEP_MM).astype(np.float32)
    last = fft.rfftfreq(TILE, STEP_MM).astype(np.float32)
    square = f[:, None, None] ** 2 + f[None, :, None] ** 2 + last[None, None, :] ** 2
    square[0, 0, 0] = 1.0
    amplitude = square ** np.float32(-0.5 * SPECTRAL_SLOPE)
    amplitude *= np.exp(-square * np.float32(SHORTEST_MM**2)) * (
        1 - np.exp(-square * np.float32(LONGEST_MM**2))
    )
    amplitude[0, 0, 0] = 0.0
    smooth = fft.irfftn(fft.rfftn(white) * amplitude, s=white.shape)
    smooth /= smooth.std()
    patches = fft.irfftn(
        fft.rfftn(rng.standard_normal(white.shape, dtype=np.float32))
        * np.exp(-square * np.float32(PATCH_MM**2)),
        s=white.shape,
    )
    patches *= PATCH_SPREAD / patches.std()
    skewed = smooth + SKEW * (smooth**2 - 1.0)
    skewed *= np.clip(PATCH_MEAN + patches, 0.0, PATCH_MOST)
    skewed -= skewed.mean()
    first = tuple(int(n) for n in rng.integers(0, TILE, 3))
    return FineTexture((skewed / skewed.std()).astype(np.float32), (first[0], first[1], first[2]))
