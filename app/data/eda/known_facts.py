"""What was measured in scans, kept on disk, so that a survey that was stopped goes on."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nodulus.app.data.eda.scan_facts import (
    PIXELS,
    HuLevels,
    NodulePlace,
    ScanFacts,
    StrayLabel,
    Volumes,
)
from nodulus.bundles.common.atomic_files import write_text
from nodulus.bundles.common.data.studies import Study

VERSION = 1
"""Counted up when a scan's facts are measured otherwise."""


def study_key(study: Study) -> str | None:
    """A checksum over what a scan's facts follow from; None where a file is not there.

    That is path, size and time of its files, and place, size and label of its nodules.
    """
    prepared = study.prepared.path if study.prepared is not None else None
    files = [path for path in (study.image, study.mask, prepared) if path is not None]
    files += [path.with_suffix(end) for path in files if path.suffix == ".mhd"
              for end in (".raw", ".zraw") if path.with_suffix(end).exists()]  # fmt: skip
    try:
        stats = [(str(path.resolve()), path.stat()) for path in files]
    except OSError:
        return None
    content = {
        "version": VERSION,
        "files": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats],
        "nodules": [[*n.center_lps_mm, n.diameter_mm, n.label] for n in study.nodules],
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class KnownFacts:
    """Facts by the key of their study: a file with one line of JSON a scan.

    A line is added as soon as a scan was measured; one that a kill cut off is passed over.

    Args:
        path: of the file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        """Read what is known."""
        self.path = path
        self._lines: dict[str, str] = {}
        if not path.is_file():
            return
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key = _key(line)
            if key is not None:
                self._lines[key] = line

    def get(self, study: Study) -> ScanFacts | None:
        """A study's facts, None where they are not known."""
        line = self._lines.get(study_key(study) or "")
        if line is None:
            return None
        try:
            return _from_json(json.loads(line)["facts"])
        except (ValueError, KeyError, TypeError):
            return None

    def add(self, study: Study, facts: ScanFacts) -> None:
        """Keep a study's facts.

        Raises:
            OSError: the file cannot be written.
        """
        key = study_key(study)
        if key is None:
            return
        line = json.dumps({"key": key, "facts": _to_json(facts)})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A line that was cut off must not swallow the next one.
        start = "\n" if self.path.exists() and not self._ends_well() else ""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{start}{line}\n")
        self._lines[key] = line

    def keep_only(self, studies: Sequence[Study]) -> None:
        """Forget what belongs to no study.

        Raises:
            OSError: the file cannot be written.
        """
        lines = [self._lines[key] for key in map(study_key, studies) if key in self._lines]
        if lines:
            write_text(self.path, "".join(f"{line}\n" for line in dict.fromkeys(lines)))
        else:
            self.path.unlink(missing_ok=True)

    def _ends_well(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(0, 2)
            if file.tell() == 0:
                return True
            file.seek(-1, 2)
            return file.read(1) == b"\n"


def _key(line: str) -> str | None:
    try:
        return str(json.loads(line)["key"])
    except (ValueError, KeyError, TypeError):
        return None


def _to_json(facts: ScanFacts) -> dict[str, Any]:
    content = {name: value for name, value in vars(facts).items() if name != "projections"}
    plain: dict[str, Any] = {
        name: [asdict(item) for item in value] if name in ("nodules", "strays") else value
        for name, value in content.items()
    }
    plain["hu"], plain["volumes"] = asdict(facts.hu), asdict(facts.volumes)
    plain["projections"] = None
    if facts.projections is not None:  # shares of 32 points: whole numbers of them
        counts = np.rint(facts.projections * PIXELS).astype(np.uint8)
        plain["projections"] = base64.b64encode(counts.tobytes()).decode("ascii")
    return plain


def _from_json(plain: dict[str, Any]) -> ScanFacts:
    projections = None
    if plain["projections"] is not None:
        counts = np.frombuffer(base64.b64decode(plain["projections"]), dtype=np.uint8)
        projections = counts.reshape(3, PIXELS, PIXELS) / PIXELS
    places = [{**n, "position": n["position"] and tuple(n["position"])} for n in plain["nodules"]]
    strays = [{**s, "center_lps_mm": tuple(s["center_lps_mm"])} for s in plain["strays"]]
    i, r, c = plain["spacing_mm"]
    return ScanFacts(
        plain["voxels_sha256"],
        (i, r, c),
        HuLevels(**plain["hu"]),
        Volumes(**plain["volumes"]),
        tuple(NodulePlace(**n) for n in places),
        tuple(StrayLabel(**s) for s in strays),
        projections,
    )
