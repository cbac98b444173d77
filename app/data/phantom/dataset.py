"""A whole data set on disk: many studies, resumable, with its phantom_tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from nodulus.app.data.phantom import phantom_tables
from nodulus.app.data.phantom.background import Background, Sphere, read_background
from nodulus.app.data.phantom.pair import make_pair
from nodulus.app.data.phantom.pair_recipe import PairRecipe
from nodulus.app.data.phantom.phantom_study import PhantomStudy, make_background_study, make_study
from nodulus.app.data.phantom.phantom_tables import STATE_FOLDER
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.data.phantom.write_dicom import dicom_folder, write_dicom
from nodulus.app.data.phantom.write_volumes import mask_path, mhd_path, write_mask, write_mhd
from nodulus.app.worker_pool import worker_pool
from nodulus.bundles.common.atomic_files import write_table, write_text
from nodulus.bundles.common.lidc.shapes import load_shapes


class PhantomFormat(str, Enum):
    """What is written beside masks and phantom_tables."""

    ALL = "all"
    LUNA16 = "luna16"
    DICOM = "dicom"


@dataclass(frozen=True)
class DatasetPlan:
    """What to make.

    Args:
        root: the folder.
        seed: decides everything random.
        recipe: the ranges.
        pool: which LIDC-IDRI patients' nodules: training, validation or test.
        format: which kinds of files.
        background: a real CT to insert into, or None for synthetic chests.
        avoid: spheres in the background (LPS mm) with real findings.
        pairs: each patient is scanned twice, and what differs then; None for once.
    """

    root: Path
    seed: int
    recipe: PhantomRecipe
    pool: str = "training"
    format: PhantomFormat = PhantomFormat.ALL
    background: Path | None = None
    avoid: tuple[Sphere, ...] = ()
    pairs: PairRecipe | None = None

    @property
    def key(self) -> str:
        """Checksum of all that decides a study's content."""
        parts: tuple[object, ...] = (
            self.recipe.digest(), self.seed, self.pool, str(self.background), self.avoid,
        )  # fmt: skip
        if self.pairs is not None:
            parts = (*parts, self.pairs.digest())
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def state_file(self, index: int) -> Path:
        """The record that study ``index`` is complete; the last file of a study to be written."""
        return self.root / STATE_FOLDER / f"{self.key}-{index:05d}.json"


def make_one(plan: DatasetPlan, index: int) -> PhantomStudy:
    """Make one study of a plan in memory."""
    references = load_shapes(plan.pool, min_readers=plan.recipe.nodules.min_readers)
    if plan.background is None:
        return make_study(plan.recipe, references, plan.seed, index)
    background = _background(plan.background, plan.avoid)
    return make_background_study(plan.recipe, references, background, plan.seed, index)


def is_complete(plan: DatasetPlan, index: int) -> bool:
    """Whether a study and all of its files are there."""
    try:
        state = json.loads(plan.state_file(index).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    wanted = {"mask", "dicom", "mhd"}
    if plan.format is not PhantomFormat.ALL:
        wanted -= {"mhd"} if plan.format is PhantomFormat.DICOM else {"dicom"}
    files: dict[str, str] = state["files"]
    if plan.pairs is not None:
        wanted |= {f"prior_{name}" for name in wanted}
    return wanted <= files.keys() and all((plan.root / files[k]).exists() for k in wanted)


def write_one(plan: DatasetPlan, index: int) -> int:
    """Make and write one study, or one patient's two; returns its index."""
    if plan.pairs is not None:
        return _write_pair(plan, plan.pairs, index)
    study = make_one(plan, index)
    path = plan.state_file(index)
    files = _write_files(plan, study)
    _forget_others(plan, index, study.identity.series_uid)
    write_text(path, json.dumps(_record(plan, study, files), default=float))
    return index


def _write_pair(plan: DatasetPlan, pairs: PairRecipe, index: int) -> int:
    references = load_shapes(plan.pool, min_readers=plan.recipe.nodules.min_readers)
    pair = make_pair(plan.recipe, pairs, references, plan.seed, index)
    before = _write_files(plan, pair.prior)
    now = _write_files(plan, pair.current)
    path = plan.state_file(index)
    _forget_others(plan, index, pair.current.identity.series_uid)
    record = _record(plan, pair.prior, before)
    write_text(path.with_name(f"{path.stem}-prior.json"), json.dumps(record, default=float))
    both = now | {f"prior_{name}": file for name, file in before.items()}
    record = {**_record(plan, pair.current, both), "pairs": phantom_tables.pair_rows(pair)}
    write_text(path, json.dumps(record, default=float))
    return index


def _write_files(plan: DatasetPlan, study: PhantomStudy) -> dict[str, Path]:
    files = {"mask": mask_path(plan.root, study)}
    write_mask(plan.root, study)
    if plan.format is not PhantomFormat.LUNA16:
        write_dicom(plan.root, study)
        files["dicom"] = dicom_folder(plan.root, study)
    if plan.format is not PhantomFormat.DICOM:
        write_mhd(plan.root, study)
        files["mhd"] = mhd_path(plan.root, study)
    return files


def _record(plan: DatasetPlan, study: PhantomStudy, files: dict[str, Path]) -> dict[str, Any]:
    """What is kept of a complete study for the tables."""
    return {
        "study": phantom_tables.study_row(study, plan.background.name if plan.background else ""),
        "nodules": phantom_tables.nodule_rows(study),
        "candidates": phantom_tables.candidate_rows(study),
        "findings": phantom_tables.finding_rows(study),
        "files": {k: p.relative_to(plan.root).as_posix() for k, p in files.items()},
    }


def write_dataset(plan: DatasetPlan, studies: int, workers: int = 1) -> Iterator[tuple[int, bool]]:
    """Write studies 0 to ``studies - 1`` and then the tables.

    Yields:
        The index of each study that is done, and whether it was made now (else it was there).
    """
    todo = []
    for index in range(studies):
        if is_complete(plan, index):
            yield index, False
        else:
            todo.append(index)
    if workers <= 1 or len(todo) <= 1:
        for index in todo:
            yield write_one(plan, index), True
    else:
        with worker_pool(min(workers, len(todo))) as pool:
            for done in as_completed([pool.submit(write_one, plan, index) for index in todo]):
                yield done.result(), True
    write_tables(plan.root)


def write_tables(root: Path) -> None:
    """Write every table from the records of the complete studies in a folder."""
    states: list[dict[str, Any]] = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((root / STATE_FOLDER).glob("*.json"))
    ]
    nodules = [row for state in states for row in state["nodules"]]
    candidates = [row for state in states for row in state["candidates"]]
    # Folders of earlier versions have no findings.
    findings = [row for state in states for row in state.get("findings", [])]
    studies = [state["study"] for state in states]
    write_table(root / "studies.csv", phantom_tables.STUDIES, studies)
    write_table(root / "nodules.csv", phantom_tables.NODULES, nodules)
    write_table(root / "findings.csv", phantom_tables.FINDINGS, findings)
    pairs = [row for state in states for row in state.get("pairs", [])]
    if pairs:
        write_table(root / "pairs.csv", phantom_tables.PAIRS, pairs)
    luna = root / "luna16"
    annotations = [phantom_tables.annotation_row(row) for row in nodules]
    write_table(luna / "annotations.csv", phantom_tables.ANNOTATIONS, annotations)
    write_table(luna / "candidates_V2.csv", phantom_tables.CANDIDATES, candidates)
    series = [{"seriesuid": row["series_uid"]} for row in studies]
    write_table(luna / "seriesuids.csv", ["seriesuid"], series, header=False)


def with_nodules(recipe: PhantomRecipe, low: int, high: int) -> PhantomRecipe:
    """The recipe with another number of nodules a study, on any background."""
    none = 0.0 if low > 0 else recipe.nodules.none_probability
    update = {
        "per_study": (low, high), "per_background_study": (low, high), "none_probability": none,
    }  # fmt: skip
    return recipe.model_copy(update={"nodules": recipe.nodules.model_copy(update=update)})


def _forget_others(plan: DatasetPlan, index: int, series_uid: str) -> None:
    """Drop records of the same series made from another recipe: its files were just replaced."""
    for path in plan.state_file(index).parent.glob(f"*-{index:05d}.json"):
        if path != plan.state_file(index):
            state = json.loads(path.read_text(encoding="utf-8"))
            if state["study"]["series_uid"] == series_uid:
                path.unlink()


@lru_cache(maxsize=1)
def _background(path: Path, avoid: tuple[Sphere, ...]) -> Background:
    return read_background(path, avoid)
