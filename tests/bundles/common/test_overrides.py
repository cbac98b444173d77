from __future__ import annotations

from bundles.common.overrides import parse_overrides


def test_values_are_json_or_text():
    texts = ["workers=0", 'device="cpu"', "amp=bfloat16", "runs_dir=null", "name=a=b"]
    assert parse_overrides(texts) == {
        "workers": 0,
        "device": "cpu",
        "amp": "bfloat16",
        "runs_dir": None,
        "name": "a=b",
    }
