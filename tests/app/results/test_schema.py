"""The schema of findings.json is that of its model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from nodulus.app.result import StudyResult
from nodulus.app.results.schema import findings_schema, schema_text

from .synthetic import result_for, two_labels, write_series

KEPT = Path(__file__).resolve().parents[3] / "configs" / "findings.schema.json"


def test_kept_schema_is_the_model_s() -> None:
    assert KEPT.read_text(encoding="utf-8") == schema_text(), (
        "write nodulus.app.results.schema.schema_text() to configs/findings.schema.json"
    )


def test_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(findings_schema())


def test_result_validates_and_a_broken_one_does_not(tmp_path: Path) -> None:
    result = result_for(write_series(tmp_path), two_labels())
    data = json.loads(result.model_dump_json())
    jsonschema.validate(data, findings_schema())
    data["findings"][0]["malignancy_probability"] = 1.5
    with pytest.raises(jsonschema.ValidationError, match=r"1\.5"):
        jsonschema.validate(data, findings_schema())


def test_an_older_file_still_opens(tmp_path: Path) -> None:
    data = json.loads(result_for(write_series(tmp_path), two_labels()).model_dump_json())
    for newer in ("files_left_out", "files", "candidates", "series_considered"):
        del data[newer]
    for finding in data["findings"]:
        for newer in (
            "explanations",
            "texture",
            "solid_share",
            "solid_volume_mm3",
            "calcified_share",
            "lobe",
        ):
            del finding[newer]
    jsonschema.validate(data, findings_schema())
    assert len(StudyResult.model_validate(data).findings) == 2


def test_model_is_light_to_import() -> None:
    heavy = "{'torch', 'monai', 'highdicom', 'pydicom', 'scipy', 'skimage', 'nibabel'}"
    for module in (
        "nodulus.app.result",
        "nodulus.app.results.options",
        "nodulus.app.results.write_results",
    ):
        code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert out.stdout.strip() == "[]", module
