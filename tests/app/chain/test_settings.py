"""The shipped settings, own ones in their place, and what is said of wrong ones."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from nodulus.app.chain import load_settings
from nodulus.app.errors import ErrorCode, NodulusError


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


def test_the_first_folder_that_has_a_file_gives_it(tmp_path: Path) -> None:
    shipped = load_settings()
    for name, most in (("user", 7), ("models", 9)):
        (tmp_path / name).mkdir()
        own = shipped.pipeline.model_copy(update={"max_candidates": most, "merge_gap_mm": None})
        (tmp_path / name / "pipeline.json").write_text(own.model_dump_json())
    user, models = tmp_path / "user", tmp_path / "models"
    assert load_settings(user, models).pipeline.max_candidates == 7
    assert load_settings(None, models).pipeline.max_candidates == 9
    (user / "pipeline.json").unlink()
    assert load_settings(user, models).pipeline.max_candidates == 9


def test_own_thresholds_of_the_lungs(tmp_path: Path) -> None:
    shipped = load_settings().lungs
    values = asdict(shipped)
    values["search"]["margin_mm"] = 9
    (tmp_path / "lungs.json").write_text(json.dumps(values))
    own = load_settings(tmp_path).lungs
    assert own.search.margin_mm == 9.0
    assert replace(own, search=shipped.search) == shipped


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("air", "typo", 1.0),
        ("air", "gas_below_hu", "low"),
        ("air", "gas_below_hu", True),
        ("trachea", "start_mm2", [60.0]),
        ("sides", "erosions_mm", []),
        (None, "search", None),
        (None, "coarse_mm", 0.0),
    ],
)
def test_wrong_thresholds_of_the_lungs_are_named(
    tmp_path: Path, section: str | None, key: str, value: object
) -> None:
    values = asdict(load_settings().lungs)
    (values[section] if section else values)[key] = value
    (tmp_path / "lungs.json").write_text(json.dumps(values))
    with pytest.raises(NodulusError, match=rf"lungs\.json.*{key}") as error:
        load_settings(tmp_path)
    assert error.value.code is ErrorCode.SETTINGS_INVALID


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


def test_an_operating_point_has_the_name_of_its_key(tmp_path: Path) -> None:
    points = load_settings().operating_points.model_dump()
    points["malignancy"]["name"] = "malignancy of 2024"
    (tmp_path / "operating_points.json").write_text(json.dumps(points))
    with pytest.raises(NodulusError, match="its name must be malignancy"):
        load_settings(tmp_path)


def test_what_a_pipeline_leaves_out_of_the_shipped_sections_is_theirs(tmp_path: Path) -> None:
    shipped = load_settings().pipeline
    own = shipped.model_dump(mode="json")
    del own["lobe"], own["malignancy_neutral_mm"], own["masses"]["rim_mm"]
    own["lesion_kind"] = {"mass_above_mm": 31.0}
    (tmp_path / "pipeline.json").write_text(json.dumps(own))
    found = load_settings(tmp_path).pipeline
    assert found.lobe == shipped.lobe
    assert found.malignancy_neutral_mm == shipped.malignancy_neutral_mm
    assert found.masses == shipped.masses
    assert found.lesion_kind.mass_above_mm == 31.0
    assert found.lesion_kind.compact_share == shipped.lesion_kind.compact_share


def test_without_masses_in_the_file_there_is_no_coarse_pass(tmp_path: Path) -> None:
    own = load_settings().pipeline.model_dump(mode="json")
    del own["masses"]
    (tmp_path / "pipeline.json").write_text(json.dumps(own))
    assert load_settings(tmp_path).pipeline.masses is None
