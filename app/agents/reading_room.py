"""What is told of results: studies, findings and what a finding rests on; no patient, no UID."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import Finding, StudyResult
from nodulus.app.results.answer import answers
from nodulus.app.results.summary_lines import category_words
from nodulus.app.results.texts import Texts
from nodulus.app.review.result_folders import check_results, read_folder, study_folders

_ENGLISH = Texts("en")
_LISTED = {
    "id", "kind", "laterality", "lobe", "texture", "center_lps_mm", "longest_diameter_mm",
    "perpendicular_diameter_mm", "volume_mm3", "nodule_probability", "malignancy_probability",
    "suspicious",
}  # fmt: skip
_NOT_TOLD = {"tracking_uid", "center_index_irc"}


class ReadingRoom:
    """The results of some folders, read anew at each question.

    Args:
        results: folders that ``nodulus detect`` wrote, or those of single studies in them.

    Raises:
        NodulusError: ``input-not-found`` or ``input-empty``.
    """

    def __init__(self, results: Sequence[Path]) -> None:
        check_results(results)
        self._results = tuple(results)

    def studies(self) -> list[dict[str, Any]]:
        """List the studies: name, number of findings, highest malignancy probability, warnings."""
        return [
            {
                "study": name,
                "findings": len(result.findings),
                "suspicious": sum(finding.suspicious for finding in result.findings),
                "highest_malignancy_probability": max(
                    (finding.malignancy_probability for finding in result.findings), default=None
                ),
                "warnings": [warning.message for warning in result.warnings],
                "disclaimer": result.disclaimer,
            }
            for name, result in self._all().items()
        ]

    def findings(self, study: str) -> list[dict[str, Any]]:
        """List the findings of a study, ranked by malignancy.

        Args:
            study: its name in the list of studies.

        Raises:
            NodulusError: ``input-not-found``.
        """
        return [
            finding.model_dump(mode="json", include=_LISTED)
            for finding in self._one(study).findings
        ]

    def explain(self, study: str, finding: int) -> dict[str, Any]:
        """Tell all that is known of a finding, and the thresholds that it was held against.

        Args:
            study: its name in the list of studies.
            finding: its number.

        Raises:
            NodulusError: ``input-not-found``.
        """
        result = self._one(study)
        found = next((one for one in result.findings if one.id == finding), None)
        if found is None:
            raise NodulusError(
                ErrorCode.INPUT_NOT_FOUND,
                f"The study has no finding {finding}.",
                remedy=f"Ask for 1 to {len(result.findings)}.",
                subject=study,
            )
        return {
            "finding": found.model_dump(mode="json", exclude=_NOT_TOLD),
            "operating_points": [one.model_dump(mode="json") for one in result.operating_points],
            "networks": [f"{model.name} {model.version}" for model in result.models],
            "guidelines": _guidelines(result, found),
            "disclaimer": result.disclaimer,
        }

    def _all(self) -> dict[str, StudyResult]:
        folders = [folder for path in self._results for folder in study_folders(path)]
        read = ((folder.name, read_folder(folder)) for folder in folders)
        return {name: found.result for name, found in read if found is not None}

    def _one(self, study: str) -> StudyResult:
        found = self._all().get(study)
        if found is None:
            raise NodulusError(
                ErrorCode.INPUT_NOT_FOUND,
                "There is no result of this study.",
                remedy="Ask for the list of studies.",
                subject=study,
            )
        return found


def _guidelines(result: StudyResult, finding: Finding) -> dict[str, str]:
    """What each guideline says whose answer for the study rests on this finding."""
    return {
        answer.guideline: category_words(answer, _ENGLISH)
        for answer in answers(result.guidance)
        if answer.finding_id == finding.id
    }
