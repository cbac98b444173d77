from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from nodulus.app.commands import follow
from nodulus.app.errors import NodulusError
from nodulus.app.followup.scan_header import ScanHeader
from tests.app.followup.test_compare import scan


def header_of(scan, patient):
    """In place of the volume, which is not read, the scan itself."""
    return scan, ScanHeader(patient, scan.acquired)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command on two scans that are analysed already."""

    def with_scans(prior, current, *options):
        scans = {"PRIOR": prior, "CURRENT": current}
        monkeypatch.setattr("nodulus.app.chain.Chain", lambda *_: None)
        monkeypatch.setattr(follow, "_read", lambda path: header_of(*scans[path.name]))
        monkeypatch.setattr(follow, "_analysed", lambda scan, *_: scan)
        arguments = ["PRIOR", "CURRENT", "-o", str(tmp_path / "out"), *options]
        return CliRunner().invoke(follow.command, arguments, catch_exceptions=False)

    return with_scans


def test_what_has_changed_is_written_and_printed(run, tmp_path):
    known = ("P1", "")
    result = run((scan({0: 200.0}), known), (scan({0: 400.0, 1: 90.0}, day=365), known))
    assert result.exit_code == 0
    assert "1/1  grown" in result.output
    assert "doubles in 365 days" in result.output
    assert "-/2  new" in result.output
    written = json.loads((tmp_path / "out" / follow.FOLLOW_UP_FILE).read_text())
    assert [one["state"] for one in written["nodules"]] == ["grown", "new"]
    assert "P1" not in json.dumps(written)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [follow.FOLLOW_UP_FILE]


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
    written = json.loads((tmp_path / "out" / follow.FOLLOW_UP_FILE).read_text())
    assert written["days"] == 100
    assert written["prior"]["acquired"] is None
