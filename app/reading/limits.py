"""The numbers that decide what is read, mended or refused; docs/input.md explains them."""

from __future__ import annotations

MIN_SLICES = 5
"""Fewer slices do not make a volume: no nodule is told from a vessel in them."""

WHOLE_CHEST_MM = 200.0
"""A series that spans this much is not beaten by one that merely spans more."""

MAX_AXIAL_TILT_DEGREES = 35.0
"""Largest angle between the slice normal and the body axis of a series called axial."""

MAX_MATRIX = 4096
"""Largest number of rows or columns."""

BITS_ALLOCATED = (8, 16, 32)
"""Of a pixel; CT has 16 (PS3.3 C.8.2.1.1.4), and 8 and 32 are seen."""

MAX_VOXELS = 2**30
"""Largest volume: 2 GiB of int16, or 1,024 slices of 1024 x 1024."""

MAX_FRAMES = 2**16
"""Most frames of one file."""

MAX_INFLATED_BYTES = 2**30
"""Largest deflated file, once it is inflated: that has to be done as a whole."""

SAME_POSITION_MM = 0.01
"""Slices closer than this along the normal are one slice twice, whatever the spacing."""

SAME_POSITION_FRACTION = 0.05
"""So are slices closer than this fraction of the median distance."""

JITTER_MM = 0.01
"""Positions this near to an even grid are even: files write them with two decimals."""

JITTER_FRACTION = 0.01
"""So are positions within this fraction of the spacing."""

LATERAL_JITTER_MM = 0.1
"""In-plane drift over the whole volume that is too small to matter."""

MAX_GAP_MM = 10.0
"""Two neighbouring slices further apart than this are never interpolated across."""

THICK_SLICES_MM = 3.05
"""Above this small nodules blur with what lies around them, and the result says so."""

SLAB_RATIO = 2.5
"""Derived slices this many times thicker than their distance may be slabs (MIP, thick MPR)."""

UNSCANNED_RATIO = 1.2
"""Slices further apart than this many thicknesses leave parts of the body unseen."""

MAX_MISSING_FRACTION = 0.1
"""Largest part of the slices of the even grid that may be interpolated."""

MAX_GAP_RATIO = 2.5
"""Largest distance over the median distance that uneven slices may have."""

MAX_TILT_DEGREES = 45.0
"""Largest angle between the slice step and the slice normal; gantries tilt up to 30."""

MAX_DUPLICATE_FRACTION = 0.1
"""Largest part of the positions that may hold a second image with other pixels."""

MAX_WOBBLE_DEGREES = 0.5
"""Largest angle between the directions of two images of one stack."""

STEADY_DEGREES = 0.06
"""Directions that differ by less are one direction, written with few decimals."""

UNIT_VECTOR_TOLERANCE = 1e-2
"""How far ImageOrientationPatient may be from two orthogonal unit vectors."""

TISSUE_HU = (-950.0, 3000.0)
"""A padding value that lies in here would blank tissue, and is not applied."""

MAX_SLOPE = 1e4
"""Larger rescale slopes are damage: they make Hounsfield units of no stored value."""

MAX_INTERCEPT = 1e6
"""So are larger intercepts."""

AIR_PRESENT_HU = -300.0
"""A chest CT has voxels below this; an image that has none is not in Hounsfield units."""

HIGHEST_HU = 8000.0
"""One voxel in a hundred over this is not Hounsfield units either (metal is at most a few)."""

MAX_ARCHIVE_FILES = 100_000
"""Most files that are unpacked of one zip file."""

MAX_ARCHIVE_BYTES = 2**36
"""Most bytes that one zip file may unpack to: 64 GiB, more than a hundred CTs."""

LARGE_ARCHIVE_BYTES = 2**28
"""Below this a zip file may unpack to any multiple of its size."""

MAX_ARCHIVE_RATIO = 100
"""Largest bytes unpacked over bytes packed; CT packs to a half or a third."""
