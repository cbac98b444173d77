"""What a reader must know about the lungs that a scan shows: cut, or of an odd size."""

from __future__ import annotations

from nodulus.app.chain.lung_coverage import LungCoverage
from nodulus.app.chain.settings_sections import UsualLungs
from nodulus.app.volume import VolumeWarning
from nodulus.transforms.lung_region import LungRegion


def lung_warnings(
    lungs: LungRegion, coverage: LungCoverage, usual: UsualLungs | None
) -> tuple[VolumeWarning, ...]:
    """Warn of lungs that are cut, or whose volume is not that of an adult's two lungs.

    An odd volume is disease, an operation or a child, or the search region missed lung or took
    other air for it: a look at its outline tells.

    Args:
        lungs: as found.
        coverage: how much of them is in the scan.
        usual: what is taken for usual; None asks nothing.
    """
    found = [("lungs-cut", message) for message in _cut(lungs, coverage)]
    if usual is not None and not coverage.is_partial:
        found += [("lung-volume-unusual", message) for message in _unusual(lungs, usual)]
    return tuple(VolumeWarning(code, message) for code, message in found)


def _unusual(lungs: LungRegion, usual: UsualLungs) -> list[str]:
    """What is odd about the air-filled volume of whole lungs."""
    found: list[str] = []
    total = lungs.volume_ml
    check = "Look whether the search region holds both lungs and no other air."
    if not usual.min_ml <= total <= usual.max_ml:
        found.append(
            f"The lungs hold {total:,.0f} ml, and those of an adult about {usual.min_ml:,.0f} to "
            f"{usual.max_ml:,.0f} ml in a CT. {check}"
        )
    sides = {"right": lungs.right_ml, "left": lungs.left_ml}
    smaller = min(sides, key=lambda side: sides[side])
    share = sides[smaller] / total if total > 0 else 0.0
    if share < usual.min_share_of_one:
        found.append(
            f"The {smaller} lung has {100 * share:.0f} % of the air-filled lung "
            f"({sides[smaller]:,.0f} of {total:,.0f} ml): collapsed, consolidated, removed, or not "
            f"found. {check}"
        )
    return found


def _cut(lungs: LungRegion, coverage: LungCoverage) -> list[str]:
    found: list[str] = []
    if coverage.is_partial:
        ends = [
            f"at the {name} end (through {area:.0f} cm2)"
            for name, area in zip(("lower", "upper"), coverage.cut_cm2, strict=True)
            if area > 0
        ]
        found.append(
            f"The scan shows about {100 * coverage.share:.0f} % of the lungs' volume "
            f"({lungs.volume_ml:,.0f} ml; an estimate): they are cut {' and '.join(ends)}. What "
            "lies beyond was not looked at."
        )
    elif any(lungs.touches_ends):
        found.append(
            "The lungs reach the first or the last slice: the scan may not show all of them."
        )
    if lungs.touches_sides:
        found.append(
            "The lungs reach the edge of the field of view: the scan may not show all of them."
        )
    return found
