"""Training, validation and test patients: settled once, in one file that all three bundles read."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from nodulus.bundles.common.data.studies import Study, read_data_dirs
from nodulus.bundles.common.patient_roles import Role, role_of
from nodulus.bundles.common.reserved_patients import (
    ReservedPatients,
    check_reserved,
    lidc_patients_in,
    people_in,
)
from nodulus.bundles.common.stratification import by_patient, choose_patients, patient_features

logger = logging.getLogger(__name__)


class Side(str, Enum):
    """The sides of a split."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


SIDE_OF_ROLE = {Role.VALIDATION: Side.VALIDATION, Role.RESERVED: Side.TEST}
"""Where patients that are no training patients go."""


class SharedShapes(str, Enum):
    """What to do about phantoms of two sides that share what they are made of."""

    REFUSE = "refuse"
    REPORT = "report"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Split:
    """Studies of each side; no patient is on two."""

    training: tuple[Study, ...]
    validation: tuple[Study, ...]
    test: tuple[Study, ...] = ()

    def of(self, side: Side | str) -> tuple[Study, ...]:
        """The studies of one side."""
        return self.sides()[Side(side)]

    def sides(self) -> dict[Side, tuple[Study, ...]]:
        """Every side with its studies."""
        sides = (self.training, self.validation, self.test)
        return dict(zip(Side, sides, strict=True))


@dataclass(frozen=True)
class Folds:
    """Which of the data's folds (LUNA16's ten subsets) are validation and test; others train.

    Raises:
        ValueError: a fold is both.
    """

    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        both = set(self.validation) & set(self.test)
        if both:
            raise ValueError(f"folds {sorted(both)} are both validation and test")

    def __bool__(self) -> bool:
        return bool(self.validation or self.test)

    @property
    def file_name(self) -> str:
        """Of the split that follows from them, such as ``splits-validation8-test9.json``."""
        parts = [("validation", self.validation), ("test", self.test)]
        words = [f"{name}{'+'.join(map(str, sorted(folds)))}" for name, folds in parts if folds]
        return f"{'-'.join(['splits', *words])}.json"

    def side(self, fold: int) -> Side:
        """Where a fold's studies go."""
        if fold in self.test:
            return Side.TEST
        return Side.VALIDATION if fold in self.validation else Side.TRAINING


def draw_split(
    studies: Sequence[Study], fraction: float, seed: int, test_fraction: float = 0.0
) -> dict[str, Side]:
    """Draw the side of each patient, balanced by nodule count, nodule size and malignancy.

    Patients that ``configs/patients.json`` keeps for validation are on that side, reserved ones
    on the test side, and so are phantoms with their nodules; the others are drawn until the
    fractions are reached.

    Args:
        studies: all studies.
        fraction: of the patients that go to validation; one at least does, and one stays in
            training, where there are two or more.
        seed: of the random state.
        test_fraction: of the patients that go to test; 0 for none, else one at least where there
            are three or more.

    Returns:
        The side of each patient.

    Raises:
        ValueError: the fractions leave no training side.
    """
    if fraction < 0 or test_fraction < 0 or fraction + test_fraction >= 1:
        raise ValueError(f"fractions {fraction} and {test_fraction} leave nothing to train on")
    patients = by_patient(studies)
    sides = {patient: _settled_side(group) for patient, group in patients.items()}
    settled = Counter(sides.values())
    left = [patient for patient, side in sides.items() if side is Side.TRAINING]
    rng = np.random.default_rng(seed)
    for side, share in ((Side.TEST, test_fraction), (Side.VALIDATION, fraction)):
        # room for the sides that are still to come, training the last of them
        most = len(left) - (1 if side is Side.VALIDATION else 2)
        least = 0 if side is Side.TEST and share == 0 else 1
        count = min(max(round(share * len(patients)), least) - settled[side], most)
        if count <= 0:
            continue
        features = np.stack([patient_features(patients[patient]) for patient in left])
        chosen = choose_patients(features, count, rng)
        sides.update((p, side) for p, yes in zip(left, chosen, strict=True) if yes)
        left = [p for p, yes in zip(left, chosen, strict=True) if not yes]
    return sides


def _settled_side(studies: Sequence[Study]) -> Side:
    """Where the roles of a patient, and of those whose nodules its phantoms show, put it."""
    roles = {role_of(patient) for patient in people_in(studies)}
    kept = [SIDE_OF_ROLE[role] for role in (Role.RESERVED, Role.VALIDATION) if role in roles]
    return kept[0] if kept else Side.TRAINING


def fold_split(studies: Sequence[Study], folds: Folds) -> dict[str, Side]:
    """Take the side of each patient from the folds that the data brings along.

    A patient with studies in folds of two sides goes to the one with most of them (of equally
    many: test before validation before training), whole. LUNA16 has such a patient: two of its
    888 series are of LIDC-IDRI-0332, in subsets 2 and 6.

    Raises:
        ValueError: a study has no fold, or a side that was asked for stays empty.
    """
    bare = [study.series_uid for study in studies if study.fold is None]
    if bare:
        raise ValueError(f"{len(bare)} studies are in no fold, among them series {bare[0]}")
    sides: dict[str, Side] = {}
    moved = 0
    for patient, group in by_patient(studies).items():
        votes = Counter(folds.side(study.fold) for study in group if study.fold is not None)
        sides[patient] = max(reversed(Side), key=lambda side: votes[side])
        moved += len(group) - votes[sides[patient]]
    if moved:
        logger.warning("%d studies leave the side of their fold, to stay with their patient", moved)
    wanted = {Side.TRAINING, *(folds.side(f) for f in (*folds.validation, *folds.test))}
    missing = [side.value for side in Side if side in wanted - set(sides.values())]
    if missing:
        raise ValueError(f"the folds leave no study for {' and '.join(missing)}")
    return sides


def write_split(
    path: Path, sides: Mapping[str, Side], seed: int, folds: Folds | None = None
) -> None:
    """Write the split beside ``path`` and link it there; an existing file stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    content: dict[str, Any] = {"version": 2, "seed": seed}
    if folds:
        content["folds"] = {"validation": folds.validation, "test": folds.test}
    content["patients"] = {patient: side.value for patient, side in sorted(sides.items())}
    beside.write_text(json.dumps(content, indent=1) + "\n")
    try:
        os.link(beside, path)  # fails where another run was first: its split then holds
    except FileExistsError:
        logger.info("%s exists already, and is read", path)
    finally:
        beside.unlink()


def read_split(path: Path) -> dict[str, Side]:
    """Read the side of each patient.

    Raises:
        ValueError: the file is no split; names it.
    """
    try:
        patients = json.loads(path.read_text())["patients"]
        return {str(patient): Side(side) for patient, side in patients.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: not a split file: {error}") from error


def moved(split: Split, sides: Mapping[Side, Iterable[str]]) -> Split:
    """Move patients to other sides, as cross-validation by patient does.

    Args:
        split: of the data.
        sides: patients that each of these sides gets, wherever they were.

    Raises:
        ValueError: one of them is not in the data, or is to go to two sides; says how many.
    """
    goes = {patient: side for side, patients in sides.items() for patient in patients}
    if len(goes) < sum(len({*patients}) for patients in sides.values()):
        raise ValueError("a patient is to be both held out and validated on")
    everyone = [(side, study) for side, studies in split.sides().items() for study in studies]
    missing = goes.keys() - {study.patient_id for _, study in everyone}
    if missing:
        raise ValueError(f"{len(missing)} of the patients to be moved are not in the data")
    return Split(
        *(tuple(s for old, s in everyone if goes.get(s.patient_id, old) is side) for side in Side)
    )


def check_split(
    training: Sequence[Study],
    validation: Sequence[Study],
    shapes: SharedShapes | str = SharedShapes.REPORT,
    test: Sequence[Study] = (),
) -> None:
    """Refuse a split that leaks.

    Args:
        training: studies to learn from.
        validation: studies to choose by.
        shapes: what to do where two sides share what phantoms are made of: nodule shapes of one
            LIDC-IDRI patient, or a real scan that nodules were inserted into.
        test: studies to report on.

    Raises:
        ValueError: a patient or a series is on two sides; says how many, not who.
    """
    policy = SharedShapes(shapes)
    for leak in find_leaks(Split(tuple(training), tuple(validation), tuple(test))):
        if leak.is_certain or policy is SharedShapes.REFUSE:
            raise ValueError(f"the split leaks: {leak}")
        if policy is SharedShapes.REPORT:
            logger.warning(str(leak))


@dataclass(frozen=True)
class Leak:
    """What two sides of a split share.

    Args:
        count: how many.
        what: they are, in words.
        sides: the two.
        is_certain: whether it is a patient or a series, and not what phantoms are made of.
    """

    count: int
    what: str
    sides: tuple[Side, Side]
    is_certain: bool

    def __str__(self) -> str:
        one, other = (side.value for side in self.sides)
        return f"{self.count} {self.what} in {one} and {other}"


def find_leaks(split: Split) -> Iterator[Leak]:
    """Everything that two sides of a split share, pair by pair; says how many, not who."""
    for (a, one), (b, other) in combinations(split.sides().items(), 2):
        for shared, what, is_certain in (
            ({s.patient_id for s in one} & {s.patient_id for s in other}, "patients are", True),
            ({s.series_uid for s in one} & {s.series_uid for s in other}, "series are", True),
            (lidc_patients_in(one) & lidc_patients_in(other), _SHAPES, False),
            (_backgrounds(one) & _backgrounds(other), "real scans are", False),
        ):
            if shared:
                yield Leak(len(shared), what, (a, b), is_certain)


_SHAPES = "LIDC-IDRI patients give nodule shapes"


def _backgrounds(studies: Iterable[Study]) -> set[str]:
    return {s.background for s in studies if s.background}


def _file_split(
    studies: Sequence[Study],
    path: Path,
    fractions: tuple[float, float],
    seed: int,
    folds: Folds,
) -> Split:
    """The split of a file, which is made first where there is none."""
    if folds:
        sides = fold_split(studies, folds)
        write_split(path, sides, seed, folds)
        if not sides.items() <= read_split(path).items():
            raise ValueError(
                f"{path}: holds another split than these folds give; name another splits_file"
            )
    elif not path.exists():
        write_split(path, draw_split(studies, fractions[0], seed, fractions[1]), seed)
    known = read_split(path)
    unknown = {study.patient_id for study in studies} - set(known)
    if unknown:
        raise ValueError(
            f"{path}: {len(unknown)} patients of the data are not in this split; "
            "delete it to draw a new one, or name another"
        )
    return Split(*(tuple(s for s in studies if known[s.patient_id] is side) for side in Side))


def default_file(data_dirs: Sequence[str], folds: Folds) -> Path:
    """Where the split of these folders lies unless another place is named."""
    return Path(data_dirs[0]) / (folds.file_name if folds else "splits.json")


def load_split(
    data_dirs: Sequence[str],
    validation_dirs: Sequence[str] = (),
    splits_file: str | Path | None = None,
    fraction: float = 0.2,
    seed: int = 0,
    shapes: SharedShapes | str = SharedShapes.REPORT,
    *,
    test_dirs: Sequence[str] = (),
    test_fraction: float = 0.0,
    validation_folds: Sequence[int] = (),
    test_folds: Sequence[int] = (),
    validation_patients: Sequence[str] = (),
    held_out_patients: Sequence[str] = (),
    reserved: ReservedPatients | str = ReservedPatients.REFUSE,
    check: bool = True,
) -> Split:
    """Read the data folders and split them by patient.

    Args:
        data_dirs: data folders (see :mod:`nodulus.bundles.common.data.studies`).
        validation_dirs: folders kept for validation; with them all of ``data_dirs`` is training
            data and ``splits_file`` is not used.
        splits_file: read where it exists, else drawn and written; ``splits.json`` in the first
            data folder where None (with folds, a name that says which).
        fraction: of the patients that go to validation.
        seed: of the draw.
        shapes: see :func:`check_split`.
        test_dirs: folders kept for test, beside the patients that the file keeps for it.
        test_fraction: of the patients that go to test.
        validation_folds: folds of the data (0 to 9 in LUNA16) that are validation, instead of a
            draw.
        test_folds: folds that are test.
        validation_patients: go to the validation side, wherever they were.
        held_out_patients: go to the test side, wherever they were.
        reserved: see :func:`~nodulus.bundles.common.reserved_patients.check_reserved`.
        check: False to look at a split that may leak; ``shapes`` and ``reserved`` do not matter.

    Raises:
        ValueError: the split leaks, the file does not know a patient of the data, or the
            arguments contradict each other.
    """
    folds = Folds(tuple(validation_folds), tuple(test_folds))
    if folds and validation_dirs:
        raise ValueError("give validation_dirs or folds, not both")
    studies = read_data_dirs(data_dirs)
    test = tuple(read_data_dirs(test_dirs)) if test_dirs else ()
    if validation_dirs:
        split = Split(tuple(studies), tuple(read_data_dirs(validation_dirs)), test)
    else:
        path = Path(splits_file) if splits_file else default_file(data_dirs, folds)
        drawn = _file_split(studies, path, (fraction, test_fraction), seed, folds)
        split = Split(drawn.training, drawn.validation, (*drawn.test, *test))
    wanted = {Side.VALIDATION: validation_patients, Side.TEST: held_out_patients}
    split = moved(split, wanted)
    if not check:
        return split
    check_reserved(split.training, reserved)
    check_split(split.training, split.validation, shapes, split.test)
    return split
