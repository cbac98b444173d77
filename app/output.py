"""The output folder of a run: one folder a study, summary.json, and nothing of an earlier run."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.folder import FINDINGS_FILE

SUMMARY = "summary.json"


class OutputFolder:
    """Results of one run.

    Args:
        root: made where it is missing.

    Raises:
        NodulusError: ``output-not-writable``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._written: set[str] = set()
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe = root / f".nodulus-{secrets.token_hex(4)}.part"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise NodulusError(
                ErrorCode.OUTPUT_NOT_WRITABLE,
                f"results cannot be written here ({error.strerror}).",
                remedy="Choose another folder with -o, or make this one writable.",
                subject=root,
            ) from error
        self._before = self._studies_of_summary()

    def study(self, key: str) -> Path:
        """The folder of one study."""
        self._written.add(key)
        return self.root / key

    def finish(self, summary: str) -> None:
        """Write summary.json and remove what an earlier run wrote and this one did not.

        A study that failed this time keeps no earlier result: it would be taken for this run's.
        """
        failed = {s["key"] for s in json.loads(summary)["studies"] if s["error"] is not None}
        for key in (self._before - self._written) | failed:
            old = self.root / key
            if (old / FINDINGS_FILE).is_file():
                shutil.rmtree(old)
        part = self.root / f".{SUMMARY}.part"
        part.write_text(summary, encoding="utf-8")
        os.replace(part, self.root / SUMMARY)  # noqa: PTH105

    def _studies_of_summary(self) -> set[str]:
        try:
            content = json.loads((self.root / SUMMARY).read_text(encoding="utf-8"))
            keys = {str(s["key"]) for s in content["studies"]}
        except (OSError, ValueError, KeyError, TypeError):
            return set()
        return {k for k in keys if k == Path(k).name}
