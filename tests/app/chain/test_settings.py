from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.chain import load_settings
from app.errors import ErrorCode, NodulusError


def test_the_shipped_settings_hold() -> None:
    settings = load_settings()
    points = settings.operating_points
    assert 0 < points.segmentation_voxel.threshold <= points.segmentation_peak.threshold < 1
    assert all(p.chosen_on for p in points.listed())


def test_own_settings_replace_the_shipped_ones_file_by_file(tmp_path: Path) -> None:
    shipped = load_settings()
    own = shipped.pipeline.model_copy(update={"max_candidates": 7})
    (tmp_path / "pipeline.json").write_text(own.model_dump_json())
    settings = load_settings(tmp_path)
    assert settings.pipeline.max_candidates == 7
    assert settings.operating_points == shipped.operating_points


@pytest.mark.parametrize(
    "text",
    [
        "{",
        json.dumps({"max_candidates": 0}),
        json.dumps({"typo": 1}),
        '{"texture": {"solid_hu": "dense"}}',
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "pipeline.json").write_text(text)
    with pytest.raises(NodulusError) as error:
        load_settings(tmp_path)
    assert error.value.code is ErrorCode.SETTINGS_INVALID
    assert "pipeline.json" in str(error.value)
