"""Words for a finding that the report, its PDF and the key images share."""

from __future__ import annotations

from nodulus.app.result import Finding, TextureName

TEXTURE_WORDS: dict[TextureName, str] = {
    "solid": "Solid",
    "part-solid": "Part-solid",
    "ground-glass": "Ground glass",
}


def place_words(finding: Finding) -> str:
    """Say where a finding lies, such as ``left upper lobe`` or ``right lung``; may be empty."""
    if finding.laterality is None:
        return ""
    return f"{finding.laterality} {finding.lobe + ' lobe' if finding.lobe else 'lung'}"


def texture_words(finding: Finding) -> str:
    """Say a finding's texture class, an en dash where it is not known; and that it is a mass."""
    texture = "\N{EN DASH}" if finding.texture is None else TEXTURE_WORDS[finding.texture]
    return texture if finding.kind in {None, "nodule"} else f"{texture}, {finding.kind}"
