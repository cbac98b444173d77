"""The error codes are those of the docs; an error says where, what and what to do."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def test_the_documented_codes_are_the_codes() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == [code.value for code in ErrorCode]


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = NodulusError(
        ErrorCode.TRUNCATED_FILE, "10 of 20 bytes.", remedy="Copy it again.", subject=Path("a.dcm")
    )
    assert str(error) == "[truncated-file] a.dcm: 10 of 20 bytes. Copy it again."


def test_an_error_survives_pickling() -> None:
    error = NodulusError(ErrorCode.NO_LUNGS, "none.", remedy="Look.", subject="1.2.3")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.subject) == (str(error), error.code, "1.2.3")
