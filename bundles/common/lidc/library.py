"""The nodules of a pool as a mapping from id to shape, built when one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from bundles.common.lidc.pools import Pool
from bundles.common.lidc.shapes import NoduleShape, load_shapes


class ShapeLibrary(Mapping[str, NoduleShape]):
    """Shapes for :class:`transforms.rand_insert_nodules.RandInsertNodules`.

    Args:
        pool: which LIDC-IDRI patients' nodules: training, validation or test.
        min_readers: at least so many readers outlined it.
        min_diameter_mm: smallest equivalent diameter.
        max_diameter_mm: largest one; what does not fit a patch finds no room in it.

    Raises:
        FileNotFoundError: the package with the outlines is not installed.
    """

    def __init__(
        self,
        pool: Pool | str = Pool.TRAINING,
        min_readers: int = 3,
        min_diameter_mm: float = 3.5,
        max_diameter_mm: float = 25.0,
    ) -> None:
        found = load_shapes(
            pool,
            min_readers=min_readers,
            min_diameter_mm=min_diameter_mm,
            max_diameter_mm=max_diameter_mm,
        )
        self._references = {reference.id: reference for reference in found}
        self._built: dict[str, NoduleShape] = {}

    def __len__(self) -> int:
        return len(self._references)

    def __iter__(self) -> Iterator[str]:
        return iter(self._references)

    def __getitem__(self, shape_id: str) -> NoduleShape:
        """Look a shape up; the first time it is built (75 ms, and 0.5 MB are kept).

        Raises:
            KeyError: no such shape.
            ValueError: its outlines enclose nothing.
        """
        if shape_id not in self._built:
            self._built[shape_id] = self._references[shape_id].build()
        return self._built[shape_id]

    def weights(
        self,
        diameter_edges_mm: tuple[float, ...] = (3.5, 5.0, 6.0, 8.0, 12.0, 25.0),
        solid_fraction: float = 0.7,
    ) -> list[float]:
        """How often to draw each shape, so that every size is drawn, and ground glass too.

        Each interval of diameters is drawn equally often, and of its nodules a share of
        ``solid_fraction`` is solid (texture above 4).

        Args:
            diameter_edges_mm: where the intervals begin and end; nothing outside is drawn.
            solid_fraction: share of solid nodules.

        Returns:
            One number a shape, in the order of the mapping.
        """
        references = self._references.values()
        size = np.digitize([r.diameter_mm for r in references], diameter_edges_mm)
        solid = np.array([r.ratings.texture > 4 for r in references], dtype=bool)
        weights = np.zeros(len(size))
        for interval in range(1, len(diameter_edges_mm)):
            for is_solid, share in ((True, solid_fraction), (False, 1.0 - solid_fraction)):
                group = (size == interval) & (solid == is_solid)
                weights[group] = share / max(int(group.sum()), 1)
        return [float(weight) for weight in weights]
