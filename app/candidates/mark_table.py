"""Candidates of a table in LUNA16's form."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

from nodulus.app.candidates.placed_marks import placed_marks
from nodulus.app.candidates.problems import invalid
from nodulus.app.data.prepare.csv_table import SERIES, CsvTable, TableError, read_table
from nodulus.app.data.prepare.problems import ProblemKind
from nodulus.app.marks import Mark, Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume, VolumeWarning
from nodulus.bundles.common.atomic_files import sha256

_COORDINATES = ("coordX", "coordY", "coordZ")
_PROBABILITY = "probability"
_HEADER = ", ".join((SERIES, *_COORDINATES))


class MarkTable:
    """A table with a row a mark: ``seriesuid, coordX, coordY, coordZ`` in LPS mm.

    A column ``probability`` is read, as in a submission to LUNA16. A column ``class``, as in
    candidates_V2.csv, is the truth and not what a detector says: it is passed over, as any other.

    Args:
        path: of the CSV file.
        name: of the source.

    Raises:
        NodulusError: ``candidates-invalid``; names the line.
    """

    form: SourceForm = "table"
    study_uids: frozenset[str] | None = None
    of_any_scan = False

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.path = path
        table = _read(path)
        self.sha256 = sha256(path)
        self._notes = tuple(
            VolumeWarning("candidates-table-form", f"The candidates {name!r}: {one.message}.")
            for one in table.problems
        )
        self._marks: dict[str, list[Mark]] = defaultdict(list)
        for row in table.rows:
            x, y, z, probability = row.numbers
            if not math.isnan(probability) and not 0 <= probability <= 1:
                raise invalid(
                    path,
                    f"Line {row.row} has the probability {probability:g}.",
                    "Scale the column to 0 to 1, or leave it out.",
                )
            given = None if math.isnan(probability) else probability
            self._marks[row.series_uid].append(Mark((x, y, z), given))
        self.series_uids: frozenset[str] | None = frozenset(self._marks)

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        report(1, 1)
        own = self._marks.get(volume.series_uid, [])
        return placed_marks(own, volume, self.name, self.path, warnings=self._notes)


def _read(path: Path) -> CsvTable:
    try:
        table = read_table(path, _COORDINATES, (_PROBABILITY,))
    except TableError as error:
        raise invalid(
            path,
            f"It cannot be read as a table of marks: {error.problem.message}.",
            f"Write a CSV file with the columns {_HEADER} and, where there is one, {_PROBABILITY}.",
        ) from error
    except (OSError, UnicodeError) as error:
        raise invalid(
            path, f"It cannot be read ({error}).", "Check the file and its permissions."
        ) from error
    broken = [one for one in table.problems if one.kind is ProblemKind.ROW_BROKEN]
    if broken:
        raise invalid(
            path,
            f"{len(broken):,} of {len(table.rows) + len(broken):,} rows cannot be read, the first"
            f" is line {broken[0].row}: {broken[0].message}.",
            "Correct or leave out these rows: a mark that is lost silently is one too many.",
        )
    if not table.rows:
        raise invalid(
            path,
            "The table has no row.",
            "Give a table with marks; of a scan without any leave --candidates out.",
        )
    return table
