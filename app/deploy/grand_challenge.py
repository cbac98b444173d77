"""Grand-challenge.org's algorithm contracts: files in, files out, no network.

LUNA25: a chest CT and the coordinates of its nodules in, the probability of malignancy of each out.
Nodule detection: a chest CT in, places with the probability that each is a nodule out. Both are
JSON of the kind 'Multiple points', with points in patient LPS mm, as ITK has them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nodulus.app.chain import ChainSettings, Models, ScanViews, analyse
from nodulus.app.chain.outline_at_point import outline_at_point
from nodulus.app.chain.score_candidates import rate_malignancy
from nodulus.app.errors import ErrorCode, NodulusError, not_writable
from nodulus.app.progress import Progress
from nodulus.app.reading.files import RESEARCH_SUFFIXES
from nodulus.app.reading.research import read_research
from nodulus.app.volume import CtVolume
from nodulus.transforms.lungs import find_lungs

CT_FOLDER = Path("images", "chest-ct")
LOCATIONS = "nodule-locations.json"
LIKELIHOODS = "lung-nodule-malginancy-likelihoods.json"
"""Of LUNA25's output, as the challenge spells it."""
Contract = Literal["luna25", "nodule-detection"]


@dataclass(frozen=True)
class NamedPoint:
    """A point of a JSON file.

    Args:
        name: as the file has it; None where it has none.
        point_lps_mm: LPS mm.
    """

    name: str | None
    point_lps_mm: tuple[float, float, float]


def run_contract(
    contract: Contract,
    source: Path,
    output: Path,
    models: Models,
    settings: ChainSettings,
    report: Progress,
) -> Path:
    """Do what a contract asks for.

    Args:
        contract: which.
        source: the folder that the platform mounts as ``/input``.
        output: likewise ``/output``; made if need be.
        models: the three networks.
        settings: pipeline settings and operating points.
        report: called with (points done, points in all).

    Returns:
        The file that was written.

    Raises:
        NodulusError: an input is missing or does not hold, or the output cannot be written.
    """
    volume = read_research(_only_image(source / CT_FOLDER))
    if contract == "luna25":
        points = read_points(source / LOCATIONS)
        chances = malignancy_at(volume, points, models, settings, source / LOCATIONS, report)
        return write_points(output / LIKELIHOODS, list(zip(points, chances, strict=True)))
    found = analyse(volume, models, settings).candidates
    report(1, 1)
    places = [
        (NamedPoint(f"Candidate {n}", one.center_lps_mm), one.nodule_probability)
        for n, one in enumerate(found, start=1)
        if one.nodule_probability is not None
    ]
    return write_points(output / LOCATIONS, places)


def malignancy_at(
    volume: CtVolume,
    points: list[NamedPoint],
    models: Models,
    settings: ChainSettings,
    path: Path,
    report: Progress,
) -> list[float]:
    """The probability of malignancy of the nodule at each point, outlined as a reader's point is.

    Args:
        volume: the scan.
        points: in the scan.
        models: the segmentation and the malignancy network look.
        settings: pipeline settings and operating points.
        path: of the points, for errors.
        report: called with (points done, points in all).

    Raises:
        NodulusError: ``invalid-attribute``: a point lies outside of the scan.
    """
    for one in points:
        if not bool(volume.geometry.contains(volume.geometry.lps_to_index(one.point_lps_mm))):
            raise _refused(
                path, f"The point {one.name or ''} {one.point_lps_mm} lies outside of the scan."
            )
    lungs = find_lungs(volume.hu, volume.geometry, settings.lungs)
    scan = ScanViews(volume, lungs, settings.pipeline.lung_margin_mm)
    chances = []
    for done, one in enumerate(points, start=1):
        at = outline_at_point(scan, models, settings, one.point_lps_mm)
        (chance,) = rate_malignancy(
            at.scan, models, settings, [at.look_at_lps_mm], [at.diameter_mm], lambda *_: None
        )
        chances.append(float(chance))
        report(done, len(points))
    return chances


def read_points(path: Path) -> list[NamedPoint]:
    """Read the points of a 'Multiple points' (or 'Point') JSON file.

    Args:
        path: of the file.

    Raises:
        NodulusError: ``input-not-found`` or ``invalid-attribute``.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            "There is no such file.",
            remedy=f"Put the nodules' coordinates in {LOCATIONS} beside images/.",
            subject=path,
        ) from error
    except (OSError, ValueError) as error:
        raise _refused(path, f"It cannot be read as JSON ({error}).") from error
    try:
        rows = [content] if content["type"] == "Point" else content["points"]
        return [_point(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(path, f"It is not of the kind 'Multiple points' ({error!r}).") from error


def _point(row: Any) -> NamedPoint:
    x, y, z = (float(value) for value in row["point"])
    if not all(math.isfinite(value) for value in (x, y, z)):
        raise ValueError(f"{row['point']} are no coordinates")
    name = row.get("name")
    return NamedPoint(None if name is None else str(name), (x, y, z))


def write_points(path: Path, points: list[tuple[NamedPoint, float]]) -> Path:
    """Write points with their probabilities, in the order given.

    Args:
        path: of the file; replaced as a whole.
        points: each with its probability.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    content = {
        "name": "Points of interest",
        "type": "Multiple points",
        "points": [
            {"name": one.name, "point": list(one.point_lps_mm), "probability": chance}
            for one, chance in points
        ],
        "version": {"major": 1, "minor": 0},
    }
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(content, indent=1), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise not_writable(path, error) from error
    return path


def _only_image(folder: Path) -> Path:
    images = [
        path
        for path in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if path.name.lower().endswith(RESEARCH_SUFFIXES)
    ]
    if len(images) != 1:
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            f"There {'is no image' if not images else f'are {len(images)} images'} where one is"
            " expected.",
            remedy="Put one chest CT (.mha) there, as the platform does.",
            subject=folder,
        )
    return images[0]


def _refused(path: Path, message: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INVALID_ATTRIBUTE,
        message,
        remedy="Give JSON of the kind 'Multiple points', in patient LPS mm of this scan.",
        subject=path,
    )
