"""Which readers' annotations are of one physical nodule.

The database does not keep who drew what, only that at most four readers saw each scan. The rule:

1. Two annotations of one scan can be of one nodule when their centres are closer than the sum of
   their equivalent radii, or closer than 1.5 slice spacings (small nodules, thick slices). LUNA16
   joins by the sum of radii too (Setio et al., Medical Image Analysis 42, 2017); pylidc joins
   outlines that come closer than one slice thickness.
2. Pairs are joined from the relatively closest up (distance over the sum of the radii), and a
   join that would put more than four annotations together is refused: no reader outlines one
   nodule twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from nodulus.bundles.common.lidc.database import Annotation

MAX_READERS = 4


def cluster_annotations(annotations: Iterable[Annotation]) -> list[tuple[Annotation, ...]]:
    """Group annotations, of any number of scans, into nodules.

    Returns:
        One tuple a nodule, of 1 to 4 annotations of one scan; ordered by each nodule's first
        annotation in the order given.
    """
    by_scan: dict[int, list[Annotation]] = {}
    for annotation in annotations:
        by_scan.setdefault(annotation.scan.id, []).append(annotation)
    return [group for items in by_scan.values() for group in _cluster_scan(items)]


def _cluster_scan(items: list[Annotation]) -> list[tuple[Annotation, ...]]:
    pairs = []
    for a, b in combinations(range(len(items)), 2):
        first, second = items[a], items[b]
        distance = float(np.linalg.norm(np.subtract(first.center_xyz_mm, second.center_xyz_mm)))
        radii = first.radius_mm + second.radius_mm
        if distance < max(radii, 1.5 * first.scan.slice_spacing_mm):
            pairs.append((distance / radii, a, b))
    group_of = list(range(len(items)))
    members = {k: [k] for k in range(len(items))}
    for _, a, b in sorted(pairs):
        low, high = sorted((group_of[a], group_of[b]))
        if low == high or len(members[low]) + len(members[high]) > MAX_READERS:
            continue
        for k in members[high]:
            group_of[k] = low
        members[low] += members.pop(high)
    return [tuple(items[k] for k in sorted(group)) for group in members.values()]
