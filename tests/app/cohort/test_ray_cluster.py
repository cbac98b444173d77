"""Workers on a real Ray cluster of this machine: none is lost or done twice, whatever dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodulus.app.cohort.ledger import Ledger, Outcome
from nodulus.app.cohort.ray_cluster import RayCluster, cluster_size, connected
from nodulus.app.cohort.supervisor import Limits
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.cohort.stand_in import StandInOptions, Unable, supervise
from tests.app.telemetry.recorder import Recorder

pytestmark = pytest.mark.ray
pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with connected("local"):
        yield


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def far(marks: Path, *names: str, **more: Any) -> tuple[Ledger, list[Outcome | None]]:
    limits = Limits(time_s=20.0, memory_mib=450.0, attempts=2)
    return supervise(marks, names, limits, new_worker=RayCluster(gpus=0).worker, **more)


def test_whatever_dies_hangs_or_grows_costs_its_own_study(marks: Path) -> None:
    names = ["a", "b,die-once,c", "die-1", "d,fat-1,e", "hang-1,f", "slow-1,a"]
    recorder = Recorder()
    ledger, told = far(marks, *names, watcher=recorder)
    outcomes = list(ledger.outcomes())
    done = Counter(o.key for o in outcomes if o.status == "done")
    assert done == Counter([*"abcdef", "die-once", "slow-1"])
    failed = {o.key: o.code for o in outcomes if o.status == "failed"}
    assert failed == {
        "die-1": ErrorCode.WORKER_DIED.value,
        "fat-1": ErrorCode.MEMORY_LIMIT.value,
        "hang-1": ErrorCode.TIME_LIMIT.value,
    }
    assert ledger.counts()["open"] == 0
    assert told.count(None) == len(names)
    tries = {path.name: path.read_text().count("began") for path in marks.iterdir()}
    assert {key for key, count in tries.items() if count > 1} == {"die-1", "die-once"}
    ends = Counter(key for key, end, *_ in recorder.ends if key and end.status == "done")
    assert ends == done, "what actors do is told of like the work of processes"
    assert not recorder.open


def test_a_worker_that_cannot_start_says_why(marks: Path) -> None:
    with pytest.raises(NodulusError) as caught:
        far(marks, "a", options=Unable())
    assert caught.value.code is ErrorCode.MODEL_NOT_FOUND


def test_the_cluster_tells_its_size() -> None:
    cores, gpus, mib = cluster_size()
    assert cores >= 1
    assert gpus >= 0
    assert mib > 100


def test_a_worker_that_cannot_go_on_has_died(marks: Path) -> None:
    ledger, _ = far(marks, "a", options=StandInOptions(marks / "no such folder"))
    assert [o.code for o in ledger.outcomes()] == [ErrorCode.WORKER_DIED.value]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_no_cluster_at_an_address_is_said_at_once(address: str) -> None:
    with pytest.raises(NodulusError, match=f"No Ray cluster answers at {address}") as caught:
        connected(address).__enter__()
    assert caught.value.code is ErrorCode.SOURCE_NOT_REACHABLE
    assert isinstance(caught.value.__cause__, OSError | ValueError)
