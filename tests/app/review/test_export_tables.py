"""What leaves a signed-off review as a table: each value in its own column, for each decision."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from nodulus.app.result import StudyResult
from nodulus.app.review.entries import Rejection
from nodulus.app.review.exports.decision_tables import encode_findings, encode_reviewed_marks
from nodulus.app.review.exports.training_tables import training_tables
from nodulus.app.review.review_state import ReviewedFinding, ReviewState, SignOff, reviewed

from .review_samples import make_finding, make_result

RESULT = make_result(findings=3, dropped=0)


def three_findings() -> tuple[ReviewedFinding, ...]:
    """An accepted, a rejected and a doubtful one, with numbers that are all different."""
    findings = tuple(
        make_finding(
            n,
            center_lps_mm=(10.5 * n, -20.25 * n, 30.125 * n),
            nodule_probability=0.5 + n / 16,
            malignancy_probability=0.25 + n / 32,
            longest_diameter_mm=18.0 + n,
            perpendicular_diameter_mm=11.0 + n,
            equivalent_diameter_mm=14.0 + n / 4,
            volume_mm3=1500.5 + n,
            mean_hu=-41.5 - n,
            laterality="left",
            lobe="upper",
            texture="solid",
        )
        for n in (1, 2, 3)
    )
    first, second, third = (
        ReviewedFinding(str(f.id), "chain", f.id, f, f, texture=f.texture) for f in findings
    )
    return (
        replace(
            first,
            decision="accepted",
            comment="=SUM(1)",
            texture="part-solid",
            malignancy=4,
            changed=("texture", "outline"),
            outlined_by="reader",
            decided_by="Jane Doe",
        ),
        replace(
            second,
            decision="rejected",
            rejection=Rejection(reason="vessel", text="a branch"),
            decided_by="Jane Doe",
        ),
        replace(third, decision="unsure"),
    )


def state(*findings: ReviewedFinding) -> ReviewState:
    plain = reviewed(RESULT, ())
    return replace(plain, findings=findings, signed_off=SignOff("Jane Doe", "2026-01-01"))


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_findings() -> None:
    accepted, rejected, unsure = rows(encode_findings([(RESULT, state(*three_findings()))]))
    assert accepted == {
        "seriesuid": "1.2.3",
        "finding": "1",
        "source": "chain",
        "decision": "accepted",
        "reason": "",
        "reason_text": "",
        "comment": "'=SUM(1)",
        "changed": "texture outline",
        "decided_by": "Jane Doe",
        "coordX": "10.5000",
        "coordY": "-20.2500",
        "coordZ": "30.1250",
        "nodule_probability": "0.562500",
        "malignancy_probability": "0.281250",
        "malignancy_rating": "4",
        "long_axis_mm": "19.00",
        "short_axis_mm": "12.00",
        "volume_mm3": "1501.5",
        "mean_hu": "-42.5",
        "texture": "part-solid",
        "laterality": "left",
        "lobe": "upper",
        "outlined_by": "reader",
    }
    assert (rejected["decision"], rejected["reason"]) == ("rejected", "vessel")
    assert (rejected["reason_text"], rejected["outlined_by"]) == ("a branch", "segmentation")
    assert (unsure["decision"], unsure["decided_by"], unsure["texture"]) == ("unsure", "", "solid")


def test_marks() -> None:
    marks = rows(encode_reviewed_marks(RESULT, state(*three_findings())))
    assert [list(mark.values()) for mark in marks] == [
        ["1.2.3", "10.5000", "-20.2500", "30.1250", "1.000000"],
        ["1.2.3", "31.5000", "-60.7500", "90.3750", "0.687500"],
    ]


def test_training_tables() -> None:
    accepted, rejected, unsure = three_findings()
    other: StudyResult = RESULT.model_copy(update={"series_uid": "1.2.9"})
    made = training_tables(
        [
            (RESULT, state(accepted, rejected)),
            (other, state(accepted, unsure)),
            (other, replace(state(accepted), signed_off=None)),
        ]
    )
    assert rows(made.nodules) == [
        {
            "seriesuid": "1.2.3",
            "coordX": "10.5000",
            "coordY": "-20.2500",
            "coordZ": "30.1250",
            "diameter_mm": "14.25",
            "malignancy": "4",
        }
    ]
    assert [(row["coordX"], row["class"]) for row in rows(made.candidates)] == [
        ("10.5000", "1"),
        ("21.0000", "0"),
    ]
    assert (made.series, made.unsure) == (b"1.2.3\n", 1)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1"])
def test_no_text_is_a_formula(start: str) -> None:
    """Neither a comment nor a reason in the reader's words."""
    first, second, third = three_findings()
    said = state(
        replace(first, comment=start),
        replace(second, rejection=Rejection(reason="other", text=start)),
        third,
    )
    content = encode_findings([(RESULT, said)]).decode()
    found = list(csv.DictReader(io.StringIO(content, newline="")))
    assert (found[0]["comment"], found[1]["reason_text"]) == (f"'{start}", f"'{start}")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_no_text_begins_a_row_of_its_own(end: str) -> None:
    first, second, third = three_findings()
    said = state(replace(first, comment=f"a{end}=1+1,b"), second, third)
    content = encode_findings([(RESULT, said)]).decode()
    found = list(csv.DictReader(io.StringIO(content, newline="")))
    assert [row["finding"] for row in found] == ["1", "2", "3"]
    assert found[0]["comment"] == "a\n=1+1,b"
