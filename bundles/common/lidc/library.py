"""The nodules of a pool as a mapping from id to shape, built when one is asked for."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.lidc.database import read_annotations
from nodulus.bundles.common.lidc.pools import Pool
from nodulus.bundles.common.lidc.shapes import NoduleShape, load_shapes

logger = logging.getLogger(__name__)


def shape_patients(studies: Iterable[Study]) -> frozenset[str]:
    """The LIDC-IDRI patients whose nodules studies hold: their own scans, or phantoms with them.

    A network that learnt from these shapes would be judged by them: a split is drawn among the
    studies at hand, whose nodules are mostly of the training pool as well.

    Raises:
        FileNotFoundError: the package with the outlines is not installed.
    """
    scans = {a.scan.series_uid: a.scan.patient_id for a in read_annotations()}
    found = set()
    for study in studies:
        found |= {nodule.lidc_patient for nodule in study.nodules if nodule.lidc_patient}
        found |= {scans[study.series_uid]} if study.series_uid in scans else set()
    return frozenset(found)


class ShapeLibrary(Mapping[str, NoduleShape]):
    """Shapes for :class:`nodulus.transforms.insertion.rand_insert_nodules.RandInsertNodules`.

    Args:
        pool: which LIDC-IDRI patients' nodules: training, validation or test.
        min_readers: at least so many readers outlined it.
        min_diameter_mm: smallest equivalent diameter.
        max_diameter_mm: largest one; what does not fit a patch finds no room in it.
        without: LIDC-IDRI patients of the pool to leave out (see :func:`shape_patients`).

    Raises:
        FileNotFoundError: the package with the outlines is not installed.
        ValueError: no such pool, or nothing is left.
    """

    def __init__(
        self,
        pool: Pool | str = Pool.TRAINING,
        min_readers: int = 3,
        min_diameter_mm: float = 3.5,
        max_diameter_mm: float = 25.0,
        without: Collection[str] = (),
    ) -> None:
        found = load_shapes(
            pool,
            min_readers=min_readers,
            min_diameter_mm=min_diameter_mm,
            max_diameter_mm=max_diameter_mm,
        )
        self._references = {r.id: r for r in found if r.patient_id not in without}
        if not self._references:
            raise ValueError(
                f"no nodule shape is left: {len(found)} in the pool {Pool(pool).value}, all of "
                "patients that are left out"
            )
        logger.info(
            "%d nodule shapes, %d left out for their patients",
            len(self._references), len(found) - len(self._references),
        )  # fmt: skip
        self._built: dict[str, NoduleShape] = {}

    def __len__(self) -> int:
        return len(self._references)

    def __iter__(self) -> Iterator[str]:
        return iter(self._references)

    def __getitem__(self, shape_id: str) -> NoduleShape:
        """Look a shape up; the first time it is built (80 ms, and 0.4 MB on average are kept).

        So each process that loads data comes to hold 0.35 GB of the 801 of the training pool.

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

    def rating_weights(self, malignant: bool) -> list[float]:
        """Draw the shapes rated above 3, or those below 3, equally often, and no others.

        So the sizes of either class are those that LIDC-IDRI has.

        Args:
            malignant: whether the median rating of malignancy is above 3.

        Returns:
            One number a shape, in the order of the mapping.
        """
        ratings = [r.ratings.malignancy for r in self._references.values()]
        return [float(r > 3 if malignant else r < 3) for r in ratings]
