"""Affine registration of two chest CTs, driven by the lungs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.transforms.geometry import Geometry, apply_affine
from nodulus.transforms.lung_region import LungRegion

GRID_MM = 4.0
"""Spacing at which the scans are registered."""
_CLIP_HU = (-1000.0, 100.0)
_AROUND_LUNGS_MM = 8.0
_ITERATIONS = 60
_SEED = 1


@dataclass(frozen=True, eq=False)
class RegisteredScan:
    """A scan as it is registered.

    Args:
        hu: shape (I, R, C).
        geometry: of ``hu``.
        lungs: of the scan.
    """

    hu: NDArray[np.int16] | NDArray[np.float32]
    geometry: Geometry
    lungs: LungRegion


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a point of the current scan lies in the prior one.

    Args:
        matrix: 4x4, patient LPS mm of the current scan to those of the prior one.
        lung_dice: overlap of the two scans' lungs after it, 0 to 1.
    """

    matrix: NDArray[np.float64]
    lung_dice: float

    def to_prior(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of the current scan, shape (..., 3) in LPS mm, in the prior scan."""
        return apply_affine(self.matrix, points_lps_mm)

    @property
    def inverse(self) -> Registration:
        """Where a point of the prior scan lies in the current one."""
        matrix = np.linalg.inv(self.matrix).astype(np.float64)
        return Registration(matrix, self.lung_dice)


def register(prior: RegisteredScan, current: RegisteredScan) -> Registration:
    """Find the affine transform from the current scan to the prior one.

    It starts where the centres and the extents of the lungs agree, so that another breath is met
    from the start, and then goes on by the correlation of the densities in the current lungs and
    8 mm around them (SimpleITK, Lowekamp et al. 2013). The lungs are their aerated part: the region
    that is searched for nodules has a margin that differs from scan to scan. The same scans give
    the same transform.

    Args:
        prior: the earlier scan.
        current: the later one.
    """
    fixed, fixed_mask = _image(current)
    moving, moving_mask = _image(prior)
    transform = SimpleITK.AffineTransform(3)
    centre_of_current, extent_of_current = _extent(current.lungs)
    centre_of_prior, extent_of_prior = _extent(prior.lungs)
    transform.SetCenter(centre_of_current.tolist())
    transform.SetTranslation((centre_of_prior - centre_of_current).tolist())
    transform.SetMatrix(np.diag(extent_of_prior / extent_of_current).ravel().tolist())
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(fixed_mask)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, _SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.02, numberOfIterations=_ITERATIONS
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([4.0, 0.0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)
    return Registration(_matrix(transform), _dice(fixed_mask, moving_mask, transform))


def _extent(lungs: LungRegion) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of the aerated lungs' points, each shape (3,) in LPS mm."""
    points = lungs.geometry.index_to_lps(np.argwhere(lungs.aerated))
    return points.mean(axis=0), points.std(axis=0)


def _image(scan: RegisteredScan) -> tuple[SimpleITK.Image, SimpleITK.Image]:
    """The scan around its lungs on an even grid, and the mask of the lungs with a margin."""
    box = scan.lungs.box(scan.geometry, 2 * _AROUND_LUNGS_MM)
    geometry = scan.geometry.cropped(
        [part.start for part in box], [part.stop - part.start for part in box]
    )
    steps = [max(1, int(GRID_MM // spacing)) for spacing in geometry.spacing_irc_mm]
    picked = np.clip(scan.hu[box].astype(np.float32), *_CLIP_HU)
    # odd windows have their centre on a voxel
    smooth = ndimage.uniform_filter(picked, [step // 2 * 2 + 1 for step in steps])
    thin = np.ascontiguousarray(smooth[tuple(slice(None, None, step) for step in steps)])
    affine = geometry.affine_lps.copy()
    affine[:3, :3] = affine[:3, :3] * np.asarray(steps, dtype=np.float64)
    grid = Geometry(tuple(thin.shape), affine)
    mask = scan.lungs.aerated_on(grid)
    reach = [round(_AROUND_LUNGS_MM / spacing) for spacing in grid.spacing_irc_mm]
    mask = ndimage.maximum_filter(mask, size=[2 * one + 1 for one in reach])
    return _to_itk(thin, grid), _to_itk(mask.astype(np.uint8), grid)


def _to_itk(array: NDArray[np.float32] | NDArray[np.uint8], geometry: Geometry) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(array)
    spacing = np.asarray(geometry.spacing_irc_mm)
    direction = geometry.affine_lps[:3, :3] / spacing
    image.SetSpacing(spacing[::-1].tolist())
    image.SetDirection(direction[:, ::-1].ravel().tolist())
    image.SetOrigin(geometry.affine_lps[:3, 3].tolist())
    return image


def _matrix(transform: SimpleITK.AffineTransform) -> NDArray[np.float64]:
    linear = np.asarray(transform.GetMatrix()).reshape(3, 3)
    centre = np.asarray(transform.GetCenter())
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = np.asarray(transform.GetTranslation()) + centre - linear @ centre
    return matrix


def _dice(fixed: SimpleITK.Image, moving: SimpleITK.Image, transform: SimpleITK.Transform) -> float:
    moved = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(moving, fixed, transform, SimpleITK.sitkNearestNeighbor, 0.0)
    )
    here = SimpleITK.GetArrayFromImage(fixed)
    both = int(np.logical_and(here, moved).sum())
    return 2.0 * both / max(int(here.sum()) + int(moved.sum()), 1)
