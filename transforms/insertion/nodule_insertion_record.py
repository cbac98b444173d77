"""What was inserted where, as a record that can be written down and replayed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from nodulus.transforms.insertion.nodule_position import Attachment


@dataclass(frozen=True)
class NoduleInsertion:
    """All that decides how one nodule is inserted.

    Args:
        shape_id: which shape.
        center_lps_mm: where its centre goes, in the LPS space of the image's affine.
        rotation: 3x3 orthogonal matrix, row by row.
        scale: factor on the shape's size.
        attachment: what it is placed at.
        blur_sigma_mm: of the scanner's point spread.
        seed: of its unevenness, texture and strands.
        wall_mm: thickness of a cavity's wall; None for no cavity.
    """

    shape_id: str
    center_lps_mm: tuple[float, float, float]
    rotation: tuple[tuple[float, ...], ...]
    scale: float
    attachment: Attachment
    blur_sigma_mm: float
    seed: int
    wall_mm: float | None = None


def to_json(insertions: Sequence[NoduleInsertion]) -> str:
    """Write records as JSON text, every number in full."""
    return json.dumps([asdict(insertion) for insertion in insertions])


def from_json(text: str) -> tuple[NoduleInsertion, ...]:
    """Read records from JSON text.

    Raises:
        ValueError: the text is none that :func:`to_json` wrote.
    """
    try:
        return tuple(
            NoduleInsertion(
                shape_id=str(row["shape_id"]),
                center_lps_mm=_point(row["center_lps_mm"]),
                rotation=tuple(tuple(map(float, line)) for line in row["rotation"]),
                scale=float(row["scale"]),
                attachment=Attachment(row["attachment"]),
                blur_sigma_mm=float(row["blur_sigma_mm"]),
                seed=int(row["seed"]),
                wall_mm=None if row.get("wall_mm") is None else float(row["wall_mm"]),
            )
            for row in json.loads(text)
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a list of nodule insertions: {error}") from error


def _point(values: Iterable[float]) -> tuple[float, float, float]:
    x, y, z = values
    return float(x), float(y), float(z)
