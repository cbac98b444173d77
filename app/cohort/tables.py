"""Findings and studies of a cohort as tables, for analysis in any tool."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nodulus.app.cohort.ledger import Outcome
from nodulus.app.result import Finding, StudyResult
from nodulus.app.results.answer import answers
from nodulus.app.results.encodable import encodable_text
from nodulus.app.results.summary_lines import possible_words
from nodulus.app.results.texts import Texts

Kind = Literal["text", "integer", "number", "flag"]
BATCH_ROWS = 1024


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: with its unit.
        kind: of its values; any may be missing.
        meaning: for the documentation.
        value: gives it, of what a row is made of.
    """

    name: str
    kind: Kind
    meaning: str
    value: Callable[[Any], Any]


@dataclass(frozen=True)
class StudyRow:
    """What a row of the studies is made of."""

    outcome: Outcome
    given: str | None
    result: StudyResult | None


@dataclass(frozen=True)
class FindingRow:
    """What a row of the findings is made of."""

    folder: str
    result: StudyResult
    finding: Finding


def _highest(field: str) -> Callable[[StudyRow], float | None]:
    def value(row: StudyRow) -> float | None:
        findings = () if row.result is None else row.result.findings
        return max((getattr(finding, field) for finding in findings), default=None)

    return value


def _of_outcome(field: str) -> Callable[[StudyRow], Any]:
    return lambda row: getattr(row.outcome, field)


def _of_volume(field: str) -> Callable[[StudyRow], Any]:
    return lambda row: None if row.result is None else getattr(row.result.volume, field)


def _of_result(get: Callable[[StudyResult], Any]) -> Callable[[StudyRow], Any]:
    return lambda row: None if row.result is None else get(row.result)


def _of_finding(field: str) -> Callable[[FindingRow], Any]:
    return lambda row: getattr(row.finding, field)


def _axis(axis: int) -> Callable[[FindingRow], float]:
    return lambda row: row.finding.center_lps_mm[axis]


def _category(guideline: str) -> Callable[[StudyRow], str | None]:
    """What a guideline asks for of a study; every answer that is possible where it is not sure."""

    def value(row: StudyRow) -> str | None:
        guidance = None if row.result is None else row.result.guidance
        found = (one for one in answers(guidance) if one.guideline == guideline)
        return next((possible_words(one, Texts()) for one in found), None)

    return value


STUDY_COLUMNS: tuple[Column, ...] = (
    Column("study", "text", "key of the study, and name of its folder", _of_outcome("key")),
    Column("item", "text", "unit of work in which it was found", _of_outcome("item")),
    Column("input", "text", "as the user named it; left out with --deidentify", lambda r: r.given),
    Column("status", "text", "done, refused, failed or duplicate", _of_outcome("status")),
    Column("code", "text", "error code, see errors.md", _of_outcome("code")),
    Column("message", "text", "of the error; left out with --deidentify", _of_outcome("message")),
    Column("folder", "text", "of the result, in the output folder", _of_outcome("folder")),
    Column("series_uid", "text", "series that was analysed", _of_result(lambda r: r.series_uid)),
    Column("findings", "integer", "number of findings", _of_outcome("findings")),
    Column(
        "suspicious", "integer", "of them at or over the malignancy's operating point",
        _of_result(lambda r: sum(f.suspicious for f in r.findings)),
    ),
    Column(
        "highest_malignancy", "number", "probability", _highest("malignancy_probability")
    ),
    Column("highest_nodule", "number", "probability", _highest("nodule_probability")),
    Column(
        "largest_diameter_mm", "number", "longest axial diameter of the largest finding",
        _highest("longest_diameter_mm"),
    ),
    *(
        Column(name, "text", f"what {guideline} asks for, at the most; see follow_up.md",
               _category(guideline))
        for name, guideline in (
            ("lung_rads", "Lung-RADS v2022"), ("nelson", "NELSON"),
            ("fleischner", "Fleischner 2017"), ("bts", "BTS 2015"),
        )
    ),
    Column("lung_volume_ml", "number", "of the lungs in the scan", _of_volume("lung_volume_ml")),
    Column("lung_share", "number", "estimated share of the lungs in it", _of_volume("lung_share")),
    Column("kernel", "text", "convolution kernel", _of_volume("convolution_kernel")),
    Column("slice_thickness_mm", "number", "by the header", _of_volume("slice_thickness_mm")),
    Column(
        "slice_spacing_mm", "number", "distance between slices",
        _of_result(lambda r: r.volume.spacing_irc_mm[0]),
    ),
    Column(
        "slices", "integer", "of the volume", _of_result(lambda r: r.volume.shape_irc[0])
    ),
    Column("manufacturer", "text", "by the header", _of_volume("manufacturer")),
    Column(
        "warnings", "text", "their codes, separated by spaces",
        _of_result(lambda r: " ".join(w.code for w in r.warnings)),
    ),
    Column("wall_s", "number", "seconds from reading to the written result", _of_outcome("wall_s")),
    Column("cpu_s", "number", "seconds of all cores", _of_outcome("cpu_s")),
    Column("peak_mib", "number", "most memory of the worker so far", _of_outcome("peak_mib")),
    Column("nodulus_version", "text", "software", _of_result(lambda r: r.nodulus_version)),
    Column("created", "text", "ISO 8601, UTC", _of_result(lambda r: r.created)),
)  # fmt: skip

FINDING_COLUMNS: tuple[Column, ...] = (
    Column("folder", "text", "of the study's result", lambda r: r.folder),
    Column("series_uid", "text", "series that was analysed", lambda r: r.result.series_uid),
    Column("id", "integer", "rank by malignancy, from 1", _of_finding("id")),
    Column("x_mm", "number", "centre, LPS", _axis(0)),
    Column("y_mm", "number", "centre, LPS", _axis(1)),
    Column("z_mm", "number", "centre, LPS", _axis(2)),
    Column("nodule_probability", "number", "", _of_finding("nodule_probability")),
    Column("malignancy_probability", "number", "", _of_finding("malignancy_probability")),
    Column("suspicious", "flag", "at or over the operating point", _of_finding("suspicious")),
    Column("longest_diameter_mm", "number", "axial", _of_finding("longest_diameter_mm")),
    Column(
        "perpendicular_diameter_mm", "number", "in the same plane",
        _of_finding("perpendicular_diameter_mm"),
    ),
    Column("volume_mm3", "number", "", _of_finding("volume_mm3")),
    Column("mean_hu", "number", "", _of_finding("mean_hu")),
    Column("texture", "text", "solid, part-solid or ground-glass", _of_finding("texture")),
    Column("solid_share", "number", "", _of_finding("solid_share")),
    Column("calcified_share", "number", "", _of_finding("calcified_share")),
    Column("kind", "text", "nodule, mass, or mass or consolidation", _of_finding("kind")),
    Column("laterality", "text", "left or right", _of_finding("laterality")),
    Column("lobe", "text", "upper, middle or lower, where there is no doubt", _of_finding("lobe")),
    Column(
        "possible_lobes", "text", "where it may lie, from above",
        lambda r: "; ".join(r.finding.possible_lobes) or None,
    ),
    Column(
        "seen_by", "text", "sources of candidates that mark it, where there were several",
        lambda r: "; ".join(one.source for one in r.finding.seen_by) or None,
    ),
    Column(
        "outlined_by", "text", "how its outline was made, likewise", _of_finding("outlined_by")
    ),
)  # fmt: skip


class TableWriter:
    """Writes rows as CSV and as Parquet as they come; both files take their place at the end.

    Args:
        folder: where the files are written first.
        name: of the files, without suffix.
        columns: of the table.
    """

    def __init__(self, folder: Path, name: str, columns: Sequence[Column]) -> None:
        from nodulus.app.cohort.packages import pyarrow, pyarrow_parquet

        self._columns = columns
        self._arrow = pyarrow()
        kinds: Mapping[Kind, Any] = {
            "text": self._arrow.string(),
            "integer": self._arrow.int64(),
            "number": self._arrow.float64(),
            "flag": self._arrow.bool_(),
        }
        self._schema = self._arrow.schema([(c.name, kinds[c.kind]) for c in columns])
        self.files = (folder / f"{name}.csv", folder / f"{name}.parquet")
        self._stream = self.files[0].open(
            "w", encoding="utf-8", errors="backslashreplace", newline=""
        )
        self._csv = csv.writer(self._stream)
        self._csv.writerow([column.name for column in columns])
        self._parquet = pyarrow_parquet().ParquetWriter(self.files[1], self._schema)
        self._batch: list[list[Any]] = []

    def __enter__(self) -> TableWriter:
        """Take rows."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left, and close both files."""
        self._flush()
        self._parquet.close()
        self._stream.close()

    def add(self, row: Any) -> None:
        """Write a row.

        Args:
            row: what the columns take their values from.
        """
        values = [column.value(row) for column in self._columns]
        self._csv.writerow(values)
        self._batch.append(
            [_plain(column, value) for column, value in zip(self._columns, values, strict=True)]
        )
        if len(self._batch) == BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            arrays = [
                self._arrow.array(values, field.type)
                for values, field in zip(zip(*self._batch, strict=True), self._schema, strict=True)
            ]
            self._parquet.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
            self._batch.clear()


def _plain(column: Column, value: Any) -> Any:
    """A value that Arrow takes."""
    return value if value is None or column.kind != "text" else encodable_text(str(value))
