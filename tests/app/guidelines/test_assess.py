"""All guidelines for one finding: what is known, asked and left open."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from nodulus.app.commands import guidelines
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.assess import assess
from nodulus.app.guidelines.clinical import ClinicalFacts, FindingFacts, read_clinical
from nodulus.app.result import StudyResult, VolumeInfo
from tests.app.followup.test_match import finding as make_finding

PLAIN = FindingFacts(
    status="baseline", benign_calcification=False, fat=False, juxtapleural=False,
    lymph_node_form=False, airway="none", cyst="none", spiculated=False, upper_lobe=True,
)  # fmt: skip
FACTS = ClinicalFacts(
    age_years=60, sex="female", ever_smoker=True, family_history=False, emphysema=False,
    high_risk=True, immunosuppressed=False, known_lung_cancer=False, known_cancer=False,
    lung_cancer_before=False, cancer_within_5_years=False,
    extrathoracic_cancer_over_5_years_ago=False, round="baseline", lungs_complete=True,
    inflammation=False, lymphadenopathy=False, metastasis=False, nodule_count=1,
    findings={1: PLAIN},
)  # fmt: skip


def finding(number: int = 1, **other):
    given = {
        "longest_diameter_mm": 10.0,
        "perpendicular_diameter_mm": 9.0,
        "volume_mm3": 500.0,
        **other,
    }
    return make_finding(number, (0.0, 0.0, 0.0)).model_copy(update=given)


def by_name(assessed):
    return {advice.guideline: advice for advice in assessed.advice}


def test_a_screening_ct_with_all_known():
    facts = FACTS.model_copy(update={"screening": True})
    assessment = assess((finding(),), facts)
    assert assessment.exam.category == "4A"
    advice = by_name(assessment.findings[0])
    assert {name: one.category for name, one in advice.items()} == {
        "Lung-RADS v2022": "4A",
        "NELSON": "indeterminate",
    }


def test_a_nodule_by_chance_with_all_known():
    facts = FACTS.model_copy(update={"screening": False})
    assessment = assess((finding(),), facts)
    assert assessment.exam is None
    advice = by_name(assessment.findings[0])
    # Brock 2b of this nodule is the published 9.8808 %: below 10 %
    assert {name: one.category for name, one in advice.items()} == {
        "Fleischner 2017": "CT at 3 months, PET/CT or tissue",
        "BTS 2015": "CT at 3 months",
    }
    brock, mayo, herder = assessment.findings[0].risk
    assert brock.model == "Brock 2b"
    assert brock.probability == pytest.approx(0.098808, abs=1e-6)
    assert mayo.probability == pytest.approx(
        1 / (1 + 2.718281828 ** -(-6.8272 + 0.0391 * 60 + 0.7917 + 1.274 + 0.7838)), abs=1e-6
    )
    assert herder.missing == ("uptake",)


def test_unknown_whether_it_is_a_screening_ct_asks_both():
    advice = by_name(assess((finding(),), FACTS).findings[0])
    assert set(advice) == {"Lung-RADS v2022", "NELSON", "Fleischner 2017", "BTS 2015"}


def test_nothing_known_decides_nothing_that_depends_on_it():
    assessment = assess((finding(),), ClinicalFacts())
    advice = by_name(assessment.findings[0])
    assert all(advice[name].needs_reader for name in ("Lung-RADS v2022", "Fleischner 2017"))
    assert {"1", "2", "4A", "4X"} <= set(advice["Lung-RADS v2022"].categories)
    brock, mayo, _ = assessment.findings[0].risk
    assert brock.probability is None
    assert "female" in brock.missing
    assert mayo.low is None


def test_marks_of_the_chain_are_no_count_of_nodules():
    facts = FACTS.model_copy(update={"screening": False, "nodule_count": None})
    assessment = assess((finding(1), finding(2)), facts)
    assert "several" in by_name(assessment.findings[0])["Fleischner 2017"].missing
    assert assessment.findings[0].risk[0].model == "Brock 1b"


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"lobe": "upper"}, True),  # as files without possible_lobes have it
        ({"lobe": "upper", "possible_lobes": ("upper",)}, True),
        ({"lobe": "middle", "possible_lobes": ("middle",)}, False),
        ({"lobe": "lower"}, False),
        ({"possible_lobes": ("middle", "lower")}, False),
        ({"possible_lobes": ("upper", "middle")}, None),
        ({}, None),
    ],
)
def test_the_measured_lobe_counts_unless_a_reader_names_one(measured, expected):
    known = PLAIN.model_copy(update={"upper_lobe": None})
    facts = FACTS.model_copy(update={"findings": {1: known}})
    risk = assess((finding(**measured),), facts).findings[0].risk[0]
    other = FACTS.model_copy(
        update={"findings": {1: PLAIN.model_copy(update={"upper_lobe": expected})}}
    )
    assert risk == assess((finding(),), other).findings[0].risk[0]


def test_a_range_of_brock_that_no_limit_divides_settles_the_row():
    facts = FACTS.model_copy(update={"screening": False, "sex": None})
    large = finding(longest_diameter_mm=25.0, perpendicular_diameter_mm=24.0, volume_mm3=8000.0)
    advice = by_name(assess((large,), facts).findings[0])["BTS 2015"]
    assert advice.category == "PET-CT"
    between = finding(longest_diameter_mm=11.0)
    divided = by_name(assess((between,), facts).findings[0])["BTS 2015"]
    assert divided.missing == ("brock_probability",)


@pytest.mark.parametrize("by_study", [True, False])
def test_facts_of_a_json_file(tmp_path, by_study):
    facts = {"age_years": 61, "findings": {"2": {"spiculated": True}}}
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"1.2.3": facts} if by_study else facts))
    read = read_clinical(path, "1.2.3")
    assert read.age_years == 61
    assert read.findings[2].spiculated is True
    assert read.emphysema is None


def test_facts_of_a_csv_file(tmp_path):
    path = tmp_path / "facts.csv"
    path.write_text(
        "\ufeffstudy_uid,age_years,sex,emphysema,family_history,nodule_count\n"
        "9.9,50,male,yes,no,2\n1.2.3,61,female,no,,1\n",
        encoding="utf-8",
    )
    read = read_clinical(path, "1.2.3")
    assert (read.age_years, read.sex, read.emphysema) == (61, "female", False)
    assert (read.family_history, read.nodule_count) == (None, 1)
    assert read_clinical(path, "4.5") == ClinicalFacts()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"age_years": -1}', ErrorCode.INVALID_ATTRIBUTE),
        ('{"age_years": 60, "smoker": true}', ErrorCode.INVALID_ATTRIBUTE),
        ("[1]", ErrorCode.INVALID_ATTRIBUTE),
        ("{", ErrorCode.INPUT_NOT_READABLE),
    ],
)
def test_facts_that_are_wrong_are_named(tmp_path, content, code):
    path = tmp_path / "facts.json"
    path.write_text(content)
    with pytest.raises(NodulusError) as refused:
        read_clinical(path, "1.2.3")
    assert refused.value.code is code
    assert refused.value.subject == str(path)


def test_the_command_prints_and_writes(tmp_path):
    study = StudyResult(
        nodulus_version="0", created="2020-01-01T00:00:00Z", study_uid="1.2.3", series_uid="1.2",
        volume=VolumeInfo(
            source_format="dicom", shape_irc=(1, 1, 1), spacing_irc_mm=(1, 1, 1), affine_lps=()
        ),
        models=(), operating_points=(), findings=(finding(),),
    )  # fmt: skip
    (tmp_path / "findings.json").write_text(study.model_dump_json())
    facts = FACTS.model_copy(update={"screening": True})
    (tmp_path / "facts.json").write_text(facts.model_dump_json())
    out = tmp_path / "guidelines.json"
    result = CliRunner().invoke(
        guidelines.command,
        [str(tmp_path), "--clinical", str(tmp_path / "facts.json"), "-o", str(out)],
        catch_exceptions=False,
    )
    assert "Lung-RADS v2022: 4A (solid nodule below 15 mm, baseline)" in result.output
    assert "Not the networks' estimate" in result.output
    assert json.loads(out.read_text())["exam"]["ruling"]["category"] == "4A"


def test_the_command_says_what_a_guideline_needs_to_be_for_the_patient(tmp_path):
    study = StudyResult(
        nodulus_version="0", created="2020-01-01T00:00:00Z", study_uid="1.2.3", series_uid="1.2",
        volume=VolumeInfo(
            source_format="dicom", shape_irc=(1, 1, 1), spacing_irc_mm=(1, 1, 1), affine_lps=()
        ),
        models=(), operating_points=(), findings=(finding(),),
    )  # fmt: skip
    (tmp_path / "findings.json").write_text(study.model_dump_json())
    facts = FACTS.model_copy(update={"known_cancer": None, "immunosuppressed": None})
    (tmp_path / "facts.json").write_text(facts.model_dump_json())
    arguments = [str(tmp_path), "--clinical", str(tmp_path / "facts.json")]
    result = CliRunner().invoke(guidelines.command, arguments, catch_exceptions=False)
    assert (
        "whether it is for this patient is not known without:"
        " immunosuppressed, known cancer, screening"
    ) in result.output


def test_the_command_names_what_is_no_result(tmp_path):
    with pytest.raises(NodulusError, match=r"findings\.json"):
        CliRunner().invoke(guidelines.command, [str(tmp_path)], catch_exceptions=False)
