"""Who was on which side when weights were made: kept with them, checked before the next training.

A split guards one run. Three networks work in one chain, and one starts from another's weights,
so a patient whom any of them learnt from must not judge another. Each training run therefore
writes ``patients.json`` into its output folder and, with published weights, beside them
(``model.pt`` has ``model.patients.json``). Patients are in it as tokens, see
:mod:`nodulus.bundles.common.patient_tokens`.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nodulus.bundles.common.atomic_files import atomic_write, sha256
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.patient_tokens import key_name, load_key, series_token, token
from nodulus.bundles.common.splits import Side, Split

logger = logging.getLogger(__name__)

FILE_NAME = "patients.json"


@dataclass(frozen=True)
class PatientRecord:
    """The side of each patient in the making of some weights.

    Args:
        task: ``segmentation``, ``nodule`` or ``malignancy``.
        patients: side of each patient's token.
        series: side of each series' token; the same CT may go by two patient IDs.
        keys: names of the keys that the tokens were made under.
        weights_sha256: of the weights beside which it lies; None in a run's folder.
    """

    task: str
    patients: Mapping[str, Side]
    series: Mapping[str, Side]
    keys: frozenset[str] = frozenset()
    weights_sha256: str | None = None

    @classmethod
    def of(cls, split: Split, task: str) -> PatientRecord:
        """The record of a split."""
        key = load_key()
        sides = split.sides().items()
        patients = {token(s.patient_id, key): side for side, studies in sides for s in studies}
        series = {
            series_token(s.series_uid, s.patient_id, key): side
            for side, studies in sides
            for s in studies
        }
        return cls(task, patients, series, frozenset({key_name(key)}))

    @classmethod
    def read(cls, path: Path) -> PatientRecord:
        """Read a record.

        Raises:
            ValueError: the file is no record; names it.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            patients, series = (
                {str(t): Side(side) for side, tokens in content[part].items() for t in tokens}
                for part in ("patients", "series")
            )
            keys = frozenset(map(str, content["keys"]))
            return cls(str(content["task"]), patients, series, keys, content["weights_sha256"])
        except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path}: not a record of patients: {error}") from error

    def write(self, path: Path) -> None:
        """Write beside the place and rename."""
        content: dict[str, Any] = {
            "version": 1,
            "about": "Who was on which side when these weights were made; tokens, no identities.",
            "task": self.task,
            "keys": sorted(self.keys),
            "weights_sha256": self.weights_sha256,
            "patients": _by_side(self.patients),
            "series": _by_side(self.series),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def joined(self, earlier: PatientRecord) -> PatientRecord:
        """This record with those of an earlier one whose weights the training started from."""
        return replace(
            self,
            patients={**earlier.patients, **self.patients},
            series={**earlier.series, **self.series},
            keys=self.keys | earlier.keys,
        )

    def disagreement(self, other: PatientRecord) -> str | None:
        """What is on one side here and on another there, in words; None where nothing is."""
        for what, mine, theirs in (
            ("patients", self.patients, other.patients),
            ("series", self.series, other.series),
        ):
            changes = Counter(
                (side, theirs[one]) for one, side in mine.items() if theirs.get(one, side) != side
            )
            if changes:
                pair = min(sorted(changes), key=lambda sides: Side.TRAINING not in sides)
                here, there = (side.value for side in pair)
                return f"{changes[pair]} {what} are in {here} and in the {there}"
        return None

    def __str__(self) -> str:
        counts = {side.value: len(tokens) for side, tokens in _sorted(self.patients).items()}
        return ", ".join(f"{n} {side}" for side, n in counts.items())


def _sorted(sides: Mapping[str, Side]) -> dict[Side, list[str]]:
    return {side: sorted(t for t, s in sides.items() if s is side) for side in Side}


def _by_side(sides: Mapping[str, Side]) -> dict[str, list[str]]:
    return {side.value: tokens for side, tokens in _sorted(sides).items()}


def record_path(weights: Path | str) -> Path:
    """Where the record of weights lies."""
    return Path(weights).with_suffix(".patients.json")


def record_of_weights(weights: Path | str) -> PatientRecord | None:
    """The record beside weights; None where there is none, or one of other weights.

    Raises:
        ValueError: the file is no record.
    """
    path, model = record_path(weights), Path(weights)
    if not (path.exists() and model.exists()):
        return None
    record = PatientRecord.read(path)
    return record if record.weights_sha256 == sha256(model) else None


def _refuse(own: PatientRecord, other: PatientRecord, path: Path) -> None:
    found = own.disagreement(other)
    if found:
        raise ValueError(
            f"the split leaks: {found} of another training ({other.task}, {path}). Use one split "
            "for all tasks; or, if those weights are of no use any more, delete that file"
        )
    if other.keys and not own.keys & other.keys:
        logger.warning("%s: made under another key, so that only public IDs were compared", path)


def check_records(
    split: Split,
    task: str,
    output_dir: Path | str,
    initial_weights: Path | str | None = None,
    runs_dir: Path | str | None = None,
    bundle_root: Path | str | None = None,
) -> Split:
    """Refuse a split in which a patient changes sides between the tasks.

    Compared with the record of the weights that the training starts from and with those of the
    other tasks' runs. The other bundles' published weights may be about to be replaced: a
    disagreement with them is a warning.

    Args:
        split: of this run.
        task: what this run trains.
        output_dir: its folder.
        initial_weights: what it starts from; None for random weights.
        runs_dir: folder with one folder a run, all of which must agree; None to look at none.
        bundle_root: of this bundle; its neighbours are the other bundles. None to look at none.

    Returns:
        The split.

    Raises:
        ValueError: a patient, or a series, is on two sides.
    """
    own = PatientRecord.of(split, task)
    if initial_weights is not None:
        earlier, path = record_of_weights(initial_weights), record_path(initial_weights)
        if earlier is None:
            logger.warning("%s: does not say whom %s learnt from", path, initial_weights)
        else:
            _refuse(own, earlier, path)
    if runs_dir is not None:
        here = Path(output_dir).resolve()
        for path in sorted(Path(runs_dir).resolve().glob(f"*/{FILE_NAME}")):
            other = PatientRecord.read(path)
            if path.parent.resolve() != here and other.task != task:
                _refuse(own, other, path)
    for weights in _neighbours(bundle_root):
        published = record_of_weights(weights)
        found = published and own.disagreement(published)
        if found:
            logger.warning("%s that made %s; train it anew before both are used", found, weights)
    return split


def _neighbours(bundle_root: Path | str | None) -> list[Path]:
    if bundle_root is None:
        return []
    own = Path(bundle_root).resolve()
    return [p for p in sorted(own.parent.glob("*/models/model.pt")) if p.parents[1] != own]


def keep_record(
    split: Split,
    task: str,
    output_dir: Path | str,
    initial_weights: Path | str | None = None,
) -> None:
    """Write the run's record, with all of whom its initial weights had seen."""
    record = PatientRecord.of(split, task)
    earlier = None if initial_weights is None else record_of_weights(initial_weights)
    if earlier is not None:
        record = record.joined(earlier)
    record.write(Path(output_dir) / FILE_NAME)
    logger.info("patients: %s", record)


def publish_record(output_dir: Path | str, weights: Path | str | None) -> None:
    """Put a run's record beside its published weights, and take away one of earlier weights."""
    if weights is None:
        return
    source, target = Path(output_dir) / FILE_NAME, record_path(weights)
    if not source.exists():
        target.unlink(missing_ok=True)
        return
    record = PatientRecord.read(source)
    replace(record, weights_sha256=sha256(Path(weights))).write(target)


def unseen(studies: Sequence[Study], side: Side | str, weights: Path | str) -> Sequence[Study]:
    """Return the studies, after making sure that the weights have not learnt from them.

    Raises:
        ValueError: they have, and the side is not training.
    """
    record = record_of_weights(weights)
    if record is not None and Side(side) is not Side.TRAINING:
        key = load_key()
        seen = sum(
            record.patients.get(token(s.patient_id, key)) is Side.TRAINING
            or record.series.get(series_token(s.series_uid, s.patient_id, key)) is Side.TRAINING
            for s in studies
        )
        if seen:
            raise ValueError(
                f"{weights} learnt from {seen} of the {len(studies)} {Side(side).value} studies"
            )
    return studies
