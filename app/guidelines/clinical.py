"""What a reader or a clinic knows of a patient and of single findings, from a file.

Nothing here is ever filled in: what the file does not say stays unknown.
"""

from __future__ import annotations

import csv
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.herder import FdgUptake
from nodulus.app.guidelines.lung_rads_categories import Category
from nodulus.app.guidelines.lung_rads_input import Airway, Cyst, CystChange, Status
from nodulus.app.result import TextureName

logger = logging.getLogger("nodulus")

STUDY_COLUMN = "study_uid"
OF_PROGRAMME = frozenset({"screening", "round"})
"""Fields that may hold of every study of a programme; all others are one patient's."""


class FindingFacts(BaseModel):
    """What a reader says of one finding; None where nothing is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status | None = None
    texture: TextureName | None = Field(default=None, description="In place of the measured one")
    previous_category: Category | None = None
    interval_reached: bool | None = None
    solid_part_changed: bool | None = None
    benign_calcification: bool | None = None
    fat: bool | None = None
    juxtapleural: bool | None = None
    lymph_node_form: bool | None = None
    airway: Airway | None = None
    airway_air_without_soft_tissue: bool | None = None
    cyst: Cyst | None = None
    cyst_change: CystChange | None = None
    spiculated: bool | None = None
    doubled_in_a_year: bool | None = None
    proven_benign: bool | None = None
    upper_lobe: bool | None = Field(default=None, description="In place of the measured one")
    fdg_uptake: FdgUptake | None = None


class ClinicalFacts(BaseModel):
    """What is known of a patient and a study; None where nothing is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    age_years: float | None = Field(default=None, gt=0, lt=150)
    sex: Literal["female", "male"] | None = None
    ever_smoker: bool | None = None
    family_history: bool | None = Field(
        default=None, description="Of lung cancer, in a first-degree relative"
    )
    emphysema: bool | None = None
    high_risk: bool | None = Field(default=None, description="Of lung cancer, 5 % or more")
    immunosuppressed: bool | None = None
    known_lung_cancer: bool | None = None
    known_cancer: bool | None = None
    lung_cancer_before: bool | None = None
    cancer_within_5_years: bool | None = None
    extrathoracic_cancer_over_5_years_ago: bool | None = None
    screening: bool | None = None
    round: Literal["baseline", "follow-up"] | None = None
    prior_compared: bool | None = None
    lungs_complete: bool | None = None
    inflammation: bool | None = None
    significant_other_finding: bool | None = None
    lymphadenopathy: bool | None = None
    metastasis: bool | None = None
    nodule_count: int | None = Field(
        default=None,
        ge=1,
        description="As a reader counts them; marks of the chain are not counted",
    )
    findings: dict[int, FindingFacts] = Field(
        default_factory=dict, description="By the finding's id"
    )


_FLAG_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_UNKNOWN_WORDS = {"", "unknown", "na", "n/a"}


class ClinicalFile:
    """What a file says of patients and studies, all of it checked when it is opened.

    Args:
        path: JSON: an object with the fields of `ClinicalFacts`, or one with such an object for
            each StudyInstanceUID. CSV: a column ``study_uid`` and one for each field; an empty
            cell is unknown.
        content: such an object, where it is a part of the file that was read already.

    Raises:
        NodulusError: ``input-not-readable`` or ``invalid-attribute``.
    """

    def __init__(self, path: Path, content: object = None) -> None:
        self.path = path
        self._take(_content(path) if content is None else content)

    def _take(self, content: Any) -> None:
        is_one = _is_one_study(content)
        self._by_study = {} if is_one else _all_checked(content, self.path)
        self._of_any = _checked(content, self.path) if is_one else None

    def check_several(self) -> None:
        """Make sure that what it says can hold of more than one study.

        Raises:
            NodulusError: ``invalid-attribute``: it has facts of a patient, and does not say which.
        """
        if self._of_any is None or self._of_any.model_fields_set <= OF_PROGRAMME:
            return
        raise NodulusError(
            ErrorCode.INVALID_ATTRIBUTE,
            "The clinical facts do not say of which study they are, and there may be several.",
            remedy="Give the facts by StudyInstanceUID (docs/follow_up.md), or one study at a"
            f" time. Of every study only these may be said: {', '.join(sorted(OF_PROGRAMME))}.",
            subject=self.path,
        )

    def facts_of(self, study: str) -> ClinicalFacts | None:
        """What it says of a study; None where it says nothing.

        Args:
            study: StudyInstanceUID, or the stem of a file that has none.
        """
        return self._of_any or self._by_study.get(study)


class ChangingClinicalFile(ClinicalFile):
    """A file that is read again when it has changed, for what runs for long.

    One that cannot be used any more is logged, and what it said before holds.

    Args:
        path: as `ClinicalFile` takes it; must be usable at the start.

    Raises:
        NodulusError: as `ClinicalFile`, and what `ClinicalFile.check_several` raises.
    """

    def __init__(self, path: Path) -> None:
        self._version = _version(path)
        super().__init__(path)
        self.check_several()

    def facts_of(self, study: str) -> ClinicalFacts | None:
        """See `ClinicalFile.facts_of`."""
        version = _version(self.path)
        if version != self._version:
            self._version = version
            try:
                anew = ClinicalFile(self.path)
                anew.check_several()
            except NodulusError as error:
                logger.warning("%s; what it said before holds", error)
            else:
                self._of_any, self._by_study = anew._of_any, anew._by_study
        return super().facts_of(study)


def _version(path: Path) -> tuple[int, int] | None:
    """Changes with the file; None where there is none."""
    with suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size
    return None


def read_clinical(path: Path, study_uid: str | None) -> ClinicalFacts:
    """Read what is known of a study; nothing is, where a file by study has none of it.

    Args:
        path: as `ClinicalFile` takes it.
        study_uid: the study.

    Raises:
        NodulusError: as `ClinicalFile`.
    """
    return ClinicalFile(path).facts_of(study_uid or "") or ClinicalFacts()


def _content(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _rows(text) if path.suffix.lower() == ".csv" else json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"The clinical facts cannot be read: {reason}.",
            remedy="Give a JSON or CSV file in UTF-8.",
            subject=path,
        ) from error


def _is_one_study(content: Any) -> bool:
    if not isinstance(content, dict) or set(content) & set(ClinicalFacts.model_fields):
        return True
    return not all(isinstance(facts, dict) for facts in content.values())


def _checked(content: Any, path: Path) -> ClinicalFacts:
    try:
        return ClinicalFacts.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise NodulusError(
            ErrorCode.INVALID_ATTRIBUTE,
            f"Clinical fact {field!r}: {first['msg']}.",
            remedy="docs/follow_up.md lists the fields and their values.",
            subject=path,
        ) from error


def _all_checked(content: dict[str, Any], path: Path) -> dict[str, ClinicalFacts]:
    return {study.strip(): _checked(facts, path) for study, facts in content.items()}


def _rows(text: str) -> dict[str, dict[str, Any]]:
    reader = csv.DictReader(text.splitlines())
    if STUDY_COLUMN not in (reader.fieldnames or ()):
        raise csv.Error(f"it has no column {STUDY_COLUMN}")
    return {
        row[STUDY_COLUMN].strip(): {
            name: _FLAG_WORDS.get(value.strip().lower(), value.strip())
            if name not in ("age_years", "nodule_count")
            else value.strip()
            for name, value in row.items()
            if name != STUDY_COLUMN and (value or "").strip().lower() not in _UNKNOWN_WORDS
        }
        for row in reader
    }
