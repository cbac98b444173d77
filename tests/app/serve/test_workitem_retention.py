"""How long workitems, and what they say of patients, are kept."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from click.testing import CliRunner
from pydicom.sr.codedict import codes

from nodulus.app.commands.root import cli
from nodulus.app.commands.workitem_options import sources_and_keeping
from nodulus.app.serve.audit import SERVICE, AuditLog
from nodulus.app.serve.service import Service
from nodulus.app.serve.workitems.performer import KeptWorkitems, Performer
from nodulus.app.serve.workitems.settings import workitem_settings
from nodulus.app.serve.workitems.worklist import Worklist
from tests.app.serve.clock import Clock
from tests.app.serve.workitem_samples import make_workitem

DAY = 86_400.0
NAME = "Quackenbush^Ottilie"
STUDIES = {"canceled": "1.2.1", "theirs": "1.2.2", "claimed": "1.2.3", "later": "1.2.4"}


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def worklist(service: Service, clock: Clock) -> Worklist:
    """A workitem that was canceled; one for others, one that they claimed, one for next year."""
    made = Worklist(service.database, workitem_settings(), clock)
    later = time.strftime("%Y%m%d", time.gmtime(clock.now + 365 * DAY))
    for name, study in STUDIES.items():
        start = {"ScheduledProcedureStepStartDateTime": later} if name == "later" else {}
        workitem = make_workitem(study, code=codes.DCM.Interpretation, PatientName=NAME, **start)
        made.create(workitem, f"9.{study}")
    made.request_cancel(f"9.{STUDIES['canceled']}", make_workitem())
    made.change_state(f"9.{STUDIES['claimed']}", "IN PROGRESS", "1.9")
    return made


def tidy(service: Service, worklist: Worklist, keeping: KeptWorkitems) -> None:
    """Have the performer remove what is old."""
    Performer(
        worklist, service.queue, service.intake, service.results, lambda _: "", [], "x",
        AuditLog(service.database), keeping=keeping,
    ).tidy()  # fmt: skip


def names_in(data: Path) -> int:
    """How often the patient's name stands in the files of the database."""
    return sum(path.read_bytes().count(b"Ottilie") for path in data.glob("nodulus.sqlite*"))


def left(worklist: Worklist) -> int:
    return sum(worklist.counts().values())


def test_workitems_that_ended_go_with_the_results_and_the_others_stay(
    service: Service, worklist: Worklist, clock: Clock
) -> None:
    tidy(service, worklist, KeptWorkitems())
    tidy(service, worklist, KeptWorkitems(30))
    assert left(worklist) == 4
    clock.now += 31 * DAY
    tidy(service, worklist, KeptWorkitems(30))
    assert worklist.counts() == {"SCHEDULED": 2, "IN PROGRESS": 1}
    _, (entry,) = AuditLog(service.database).entries()
    assert (entry.event, entry.who) == ("workitem-removed", SERVICE)
    assert entry.study == STUDIES["canceled"]


def test_those_that_nobody_performs_go_too_by_option_but_not_before_their_time(
    service: Service, worklist: Worklist, clock: Clock, data: Path
) -> None:
    assert names_in(data) >= 4
    worklist.create(make_workitem("1.2.5", PatientName=NAME), "9.1.2.5")  # the service's own
    clock.now += 31 * DAY
    tidy(service, worklist, KeptWorkitems(30, unended=True))
    assert worklist.counts() == {"SCHEDULED": 2}, "that of next year, and ours"
    removed = [entry.study for entry in AuditLog(service.database).entries()[1]]
    assert sorted(str(study) for study in removed) == ["1.2.1", "1.2.2", "1.2.3"]


def test_no_name_is_left_in_the_files_of_the_database(
    service: Service, worklist: Worklist, clock: Clock, data: Path
) -> None:
    clock.now += 400 * DAY
    assert names_in(data) >= 4
    tidy(service, worklist, KeptWorkitems(30, unended=True))
    assert left(worklist) == 0
    assert names_in(data) == 0


def test_the_option_needs_workitems() -> None:
    _, kept = sources_and_keeping((), None, 1, None, 365.0, with_workitems=False)
    assert kept == KeptWorkitems(365.0)
    _, kept = sources_and_keeping((), None, 1, 30.0, 365.0, with_workitems=True)
    assert kept == KeptWorkitems(30.0, unended=True)
    ended = CliRunner().invoke(cli, ["serve", "never-made", "--keep-workitems", "3"])
    assert ended.exit_code == 1
    assert "settings-invalid" in ended.output
