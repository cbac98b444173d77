"""`nodulus follow`: what it writes, prints and refuses."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from nodulus.app.chain.settings import load_settings
from nodulus.app.commands import follow
from nodulus.app.errors import NodulusError
from nodulus.app.followup.pair_folder import FOLLOW_UP_FILE
from nodulus.app.followup.scan_header import ScanHeader
from nodulus.app.result import ModelInfo
from tests.app.followup.test_compare import scan
from tests.app.followup.test_page import FOLLOWED

CHAIN = SimpleNamespace(
    models=SimpleNamespace(
        info=lambda: (ModelInfo(name="nodule", version="1", sha256="ab", trained_on="x"),)
    ),
    settings=load_settings(),
)


def written(tmp_path):
    """What the command wrote."""
    (path,) = (tmp_path / "out").glob(f"*/{FOLLOW_UP_FILE}")
    return json.loads(path.read_text())


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command on two scans that are analysed already."""

    def with_scans(prior, current, *options):
        scans = {"PRIOR": prior, "CURRENT": current}
        monkeypatch.setattr("nodulus.app.chain.Chain", lambda *_: CHAIN)
        of_volume = {id(scan.volume): scan for scan, _ in scans.values()}

        def read(path):
            scan, patient = scans[path.name]
            return scan.volume, ScanHeader(patient, scan.acquired)

        monkeypatch.setattr(follow, "_read", read)
        monkeypatch.setattr(follow, "_analysed", lambda volume, *_: of_volume[id(volume)])
        arguments = ["PRIOR", "CURRENT", "-o", str(tmp_path / "out"), *options]
        return CliRunner().invoke(follow.command, arguments, catch_exceptions=False)

    return with_scans


def test_what_has_changed_is_written_and_printed(run, tmp_path):
    known = ("SECRET-4711", "")
    result = run((scan({0: 200.0}), known), (scan({0: 400.0, 1: 90.0}, day=365), known))
    assert result.exit_code == 0
    assert "1/1  grown" in result.output
    assert "doubles in 365 days" in result.output
    assert "-/2  new" in result.output
    content = written(tmp_path)
    assert [one["state"] for one in content["nodules"]] == ["grown", "new"]
    assert [one["name"] for one in content["models"]] == ["nodule"]
    # The weights are not the shipped ones, and the operating points are.
    assert [one["code"] for one in content["warnings"]] == ["points-of-other-weights"]
    assert content["files"] == {"follow_up": "follow_up.json", "report": "follow_up.html"}
    assert content["files_left_out"] == {"sr": "the prior scan is not DICOM"}
    assert "SECRET" not in json.dumps(content)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["1.1~follow-up"]
    page = (tmp_path / "out" / "1.1~follow-up" / "follow_up.html").read_text()
    assert "SECRET-4711" not in page
    assert page.index("1 grown, 1 new") < page.index("Nodule 1 then, 1 now")


def test_every_number_and_every_doubt_is_printed():
    assert [" ".join(line.split()) for line in follow._lines(FOLLOWED)] == [
        "6 nodules, 188 days apart",
        (
            "4/2 no proven change 13.2 mm, 1200 mm3 -> 11.9 mm, 1804 mm3 +50%"
            " the measures do not agree (volume: grown; mean diameter: shrunk) ambiguous match"
        ),
        "1/3 grown 5.8 mm, 100 mm3 -> 7.1 mm, 180 mm3 +80% doubles in 222 days (153 to 402)",
        "-/5 new 5.0 mm, 66 mm3 not visible there (segmentation 0.21)",
        (
            "6/- below the threshold now 5.2 mm, 70 mm3"
            " visible there, below the threshold (segmentation 0.34)"
        ),
        "7/- not found 5.3 mm, 71 mm3 its place is outside of the other scan",
        "8/- merged 5.4 mm, 72 mm3 now in finding 3 not visible there (segmentation 0.95)",
        "warning: Slices of 3 mm are too thick.",
        "warning: No doubling times: a reason.",
    ]


@pytest.mark.parametrize("other", [("P2", ""), ("P1", "elsewhere")])
def test_scans_of_two_patients_are_refused(run, tmp_path, other):
    with pytest.raises(NodulusError, match="PatientID") as refused:
        run((scan({0: 200.0}), ("P1", "")), (scan({0: 400.0}, day=9), other))
    assert "P1" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_scan_without_patient_is_taken(run):
    assert run((scan({0: 200.0}), None), (scan({0: 200.0}, day=9), ("P1", ""))).exit_code == 0


def test_a_prior_scan_that_is_the_later_one_is_refused(run):
    with pytest.raises(NodulusError, match="after the current one"):
        run((scan({}, day=9), None), (scan({}), None))


def test_the_days_between_can_be_given(run, tmp_path):
    undated = replace(scan({0: 200.0}), acquired=None)
    run(
        (undated, None),
        (replace(scan({0: 400.0}), acquired=dt.date(2020, 1, 1)), None),
        "--days",
        "100",
    )
    content = written(tmp_path)
    assert content["days"] == 100
    assert content["prior"]["acquired"] is None


def of_study(one, study_uid):
    return replace(one, volume=replace(one.volume, study_uid=study_uid))


def test_only_a_comparison_of_the_same_studies_is_replaced(run, tmp_path):
    current = scan({0: 200.0}, day=9)
    for prior in ("1.5", "1.6", "1.5"):
        run((of_study(scan({0: 200.0}), prior), None), (current, None))
    found = {
        path.parent.name: json.loads(path.read_text())["prior"]["study_uid"]
        for path in (tmp_path / "out").glob(f"*/{FOLLOW_UP_FILE}")
    }
    assert found == {"1.1~follow-up": "1.5", "1.1~follow-up~2": "1.6"}


def test_files_without_a_study_are_told_apart_by_their_voxels(run, tmp_path):
    current, other = (of_study(scan(volumes, day=9), None) for volumes in ({0: 200.0}, {}))
    other = replace(other, volume=replace(other.volume, hu=other.volume.hu + 1))
    for one in (current, other, current):
        run((of_study(scan({0: 200.0}), None), None), (one, None))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "1.2~follow-up", "1.2~follow-up~2"
    }  # fmt: skip


def test_a_folder_of_something_else_is_not_replaced(run, tmp_path):
    foreign = tmp_path / "out" / "1.1~follow-up"
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(NodulusError, match="not a result of Nodulus"):
        run((scan({}), None), (scan({}, day=9), None))
    assert (foreign / "thesis.txt").read_text() == "years of work"


def with_uids(one, *uids):
    """The scan with these tracking UIDs, as its own results have them."""
    findings = tuple(
        finding.model_copy(update={"tracking_uid": uid})
        for finding, uid in zip(one.analysis.findings, uids, strict=True)
    )
    return replace(one, analysis=replace(one.analysis, findings=findings))


def test_of_a_folder_each_scan_is_compared_with_the_one_before(monkeypatch, tmp_path):
    scans = [
        with_uids(
            of_study(scan({0: 100.0 * 2**number}, day=300 * number), f"1.{number}"),
            f"2.25.{number}",
        )
        for number in range(3)
    ]
    patients = {"1.0": ("P1", ""), "1.1": ("P1", ""), "1.2": ("P1", "")}
    by_volume = {id(one.volume): one for one in scans}
    studies = [
        SimpleNamespace(
            key=one.volume.study_uid,
            error=None,
            load=lambda one=one: one.volume,
            chosen=SimpleNamespace(slices=[SimpleNamespace(path=one)]),
        )
        for one in reversed(scans)
    ]
    monkeypatch.setattr("nodulus.app.chain.Chain", lambda *_: CHAIN)
    monkeypatch.setattr(
        "nodulus.app.reading.find_studies", lambda _: SimpleNamespace(studies=studies)
    )
    monkeypatch.setattr(
        "nodulus.app.followup.scan_header.scan_header_of",
        lambda one: ScanHeader(patients[one.volume.study_uid], one.acquired),
    )
    monkeypatch.setattr(follow, "_analysed", lambda volume, *_: by_volume[id(volume)])
    arguments = ["FOLDER", "-o", str(tmp_path / "out"), "--no-report"]
    CliRunner().invoke(follow.command, arguments, catch_exceptions=False)
    found = {
        path.parent.name: json.loads(path.read_text())["prior"]["study_uid"]
        for path in (tmp_path / "out").glob(f"*/{FOLLOW_UP_FILE}")
    }
    assert found == {"1.1~follow-up": "1.0", "1.2~follow-up": "1.1"}
    tracked = [
        json.loads(path.read_text())["nodules"][0]["tracking_uid"]
        for path in (tmp_path / "out").glob(f"*/{FOLLOW_UP_FILE}")
    ]
    assert tracked == ["2.25.0", "2.25.0"], "a nodule keeps the UID of its first scan"
    patients.update({"1.0": ("P2", ""), "1.1": ("P3", "")})
    with pytest.raises(NodulusError, match="No patient has two scans"):
        CliRunner().invoke(follow.command, arguments, catch_exceptions=False)
