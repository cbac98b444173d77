"""Made-up submissions with everything that the rules speak of."""

from __future__ import annotations

import numpy as np

from nodulus.bundles.common.metrics.luna16_match import Places


def made_up(seed, scans=24, decimals=2):
    """Series, nodules, excluded findings and marks, rows of (series, x, y, z, value)."""
    draw = np.random.default_rng(seed)
    series = [f"s{n}" for n in range(scans)]
    nodules, excluded, marks = [], [], []
    for n, uid in enumerate(series):
        sizes = draw.uniform(4, 20, draw.integers(0, 4))
        nodules += [(uid, *draw.uniform(0, 40, 3).round(1), float(size)) for size in sizes]
        sizes = draw.choice([-1.0, 6.0, 0.0], draw.integers(0, 6))
        excluded += [(uid, *draw.uniform(0, 40, 3).round(1), float(size)) for size in sizes]
        for _ in range(draw.integers(100, 130) if n % 5 == 0 else draw.integers(0, 30)):
            point = draw.uniform(0, 40, 3).round(1)
            marks.append((uid, *point, round(float(draw.beta(1, 2)), decimals)))
        for nodule in nodules:
            if nodule[0] == uid and draw.random() < 0.7:
                near = np.add(nodule[1:4], draw.uniform(-2, 2, 3)).round(1)
                marks.append((uid, *near, round(float(draw.beta(8, 1)), decimals)))
    # One exactly on the border of a sphere of 10 mm is no hit.
    nodules.append((series[0], 0.0, 0.0, 100.0, 10.0))
    marks.append((series[0], 3.0, 4.0, 100.0, 1.0))
    return series, nodules, excluded, marks


def as_places(rows, series):
    """Rows as the measures take them."""
    return Places(
        np.asarray([series.index(r[0]) for r in rows], dtype=np.int64),
        np.asarray([r[1:4] for r in rows], dtype=np.float64).reshape(-1, 3),
        np.asarray([r[4] for r in rows], dtype=np.float64),
    )
