"""Words for a finding that the report, its PDF and the key images share."""

from __future__ import annotations

from collections.abc import Sequence

from nodulus.app.result import LOBES, CharacteristicName, Finding, Sighting, TextureName
from nodulus.app.results.texts import Texts

TEXTURE_WORDS: dict[TextureName, str] = {
    "solid": "Solid",
    "part-solid": "Part-solid",
    "ground-glass": "Ground glass",
}


CHARACTERISTIC_WORDS: dict[CharacteristicName, str] = {
    "texture": "Looks solid",
    "spiculation": "Spiculated",
    "margin": "Sharp margin",
    "calcification": "Calcified",
}

ANSWERS = {True: "yes", False: "no", None: "not assessed"}


def place_words(finding: Finding) -> str:
    """Say where a finding lies; may be empty.

    Such as ``left upper lobe``, ``right upper or middle lobe`` where it may lie in either, and
    ``right lung`` where nothing tells the lobe.
    """
    if finding.laterality is None:
        return ""
    lobes = (finding.lobe,) if finding.lobe else finding.possible_lobes
    if lobes in ((), LOBES[finding.laterality]):
        return f"{finding.laterality} lung"
    return f"{finding.laterality} {' or '.join(lobes)} lobe"


def texture_words(finding: Finding, texts: Texts | None = None) -> str:
    """Say a finding's texture class, an en dash where it is not known; and that it is a mass.

    Args:
        finding: which.
        texts: in another language than English.
    """
    say = texts or Texts()
    texture = "\N{EN DASH}" if finding.texture is None else say(TEXTURE_WORDS[finding.texture])
    if finding.kind is None or finding.kind == "nodule":
        return texture
    return f"{texture}, {say(finding.kind)}"


def seen_by_words(seen_by: Sequence[Sighting]) -> str:
    """Name the sources of candidates that mark something, each with its probability if it has one.

    Args:
        seen_by: of a finding or a candidate; empty where there was one source.
    """
    return ", ".join(
        one.source if one.probability is None else f"{one.source} ({100 * one.probability:.0f} %)"
        for one in seen_by
    )


def characteristic_words(finding: Finding, texts: Texts | None = None) -> list[tuple[str, str]]:
    """Say each characteristic with its answer, such as ``("Spiculated", "no (4 %)")``.

    Args:
        finding: which.
        texts: in another language than English.
    """
    say = texts or Texts()
    return [
        (
            say(CHARACTERISTIC_WORDS[one.name]),
            f"{say(ANSWERS[one.present])} ({100 * one.probability:.0f} %)",
        )
        for one in finding.characteristics
    ]
