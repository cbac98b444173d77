"""The JSON schema of findings.json, generated from the typed result."""

from __future__ import annotations

import json
from typing import Any

from nodulus.app.result import SCHEMA_VERSION, StudyResult


def findings_schema() -> dict[str, Any]:
    """Give the schema (JSON Schema, draft 2020-12) that ``configs/findings.schema.json`` holds.

    Fields with a default are optional in it, so that a file of an earlier version, which lacks
    newer fields, still validates.
    """
    schema = StudyResult.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": f"Nodulus findings, version {SCHEMA_VERSION}",
    }


def schema_text() -> str:
    """Give the schema as it is written to a file: indented, with a final newline."""
    return json.dumps(findings_schema(), indent=2, ensure_ascii=False) + "\n"
