"""A stand-in for the chain: writes a small result and an object of it, and counts its work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from nodulus.app.cohort.items import CohortItem
from nodulus.app.cohort.ledger import Outcome
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.reading.dicom_factory import uid
from tests.app.review.review_samples import make_result


class StandInChain:
    """Does what a study's description (StudyDescription) says; else it is done."""

    def __init__(self, output: Path, seconds: float) -> None:
        self._output = output
        self._seconds = seconds

    def run(
        self,
        item: CohortItem,
        claim: Callable[[str, Sequence[str]], list[str]],
        tell: Callable[[str, str], None],
        put: Callable[[Outcome], None],
    ) -> list[NodulusError]:
        """See `ItemRunner.run`."""
        assert item.path is not None
        files = sorted(item.path.iterdir())
        header = dcmread(files[0], stop_before_pixels=True)
        key = str(header.StudyInstanceUID)
        if not claim(item.id, [key]):
            return []
        with (self._output / f"{item.id}.began").open("a") as stream:
            stream.write(f"{len(files)}\n")
        tell(key, "segment")
        time.sleep(self._seconds)
        what = str(header.get("StudyDescription", ""))
        if what == "refuse":
            error = ErrorCode.NO_LUNGS.value
            said = {"message": "No lungs were found.", "remedy": "Send a CT of the chest."}
            put(Outcome(item.id, key, "refused", code=error, **said))
        elif what == "fail":
            error = ErrorCode.INTERNAL.value
            put(Outcome(item.id, key, "failed", code=error, message="broken.", remedy="Report it."))
        else:
            put(self._done(item, key, header))
        return []

    def _done(self, item: CohortItem, key: str, header: object) -> Outcome:
        folder = self._output / key
        folder.mkdir(exist_ok=True)
        result = make_result().model_copy(update={"study_uid": key})
        (folder / "findings.json").write_text(result.model_dump_json())
        header.Modality = "SR"  # type: ignore[attr-defined]
        header.SeriesInstanceUID = uid("series", key)  # type: ignore[attr-defined]
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid(  # type: ignore[attr-defined]
            "made", key, time.time()
        )
        header.save_as(folder / "nodules_sr.dcm")  # type: ignore[attr-defined]
        return Outcome(item.id, key, "done", folder=key, findings=2, wall_s=0.1)


@dataclass(frozen=True)
class StandInOptions:
    """Starts a `StandInChain`."""

    output: Path
    seconds: float = 0.0
    threads: int = 1

    def start(self) -> StandInChain:
        """Make it."""
        self.output.mkdir(exist_ok=True)
        return StandInChain(self.output, self.seconds)


class CopyingRunner(StandInChain):
    """Gives every study the same result, which was made beforehand."""

    def __init__(self, output: Path, prepared: Path) -> None:
        super().__init__(output, 0.0)
        self._prepared = prepared

    def _done(self, item: CohortItem, key: str, header: object) -> Outcome:
        shutil.copytree(self._prepared, self._output / key, dirs_exist_ok=True)
        return Outcome(item.id, key, "done", folder=key, findings=3, wall_s=0.1)


@dataclass(frozen=True)
class CopyingChain:
    """Starts a `CopyingRunner`."""

    output: Path
    prepared: Path
    threads: int = 1

    def start(self) -> CopyingRunner:
        """Make it."""
        self.output.mkdir(exist_ok=True)
        return CopyingRunner(self.output, self.prepared)
