"""Which scans of a folder are of one patient, in the order of their days."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from nodulus.app.followup.scan_header import ScanHeader


@dataclass(frozen=True)
class FoundPairs:
    """Scans to be compared.

    Args:
        series: of each patient with two scans or more, their places, the earliest first.
        left_out: places of scans that cannot be put in order, and why.
    """

    series: tuple[tuple[int, ...], ...]
    left_out: tuple[tuple[int, str], ...]


def find_pairs(headers: Sequence[ScanHeader]) -> FoundPairs:
    """Group scans by PatientID with its issuer, and order them by date.

    A scan without PatientID is nobody's, one without a date has no place, and of two scans of one
    day none is the earlier one: they are left out and said.

    Args:
        headers: of the scans.
    """
    by_patient: dict[tuple[str, str], list[tuple[dt.date, int]]] = defaultdict(list)
    left_out = []
    for place, header in enumerate(headers):
        if header.patient is None:
            left_out.append((place, "it has no PatientID"))
        elif header.acquired is None:
            left_out.append((place, "it has no date"))
        else:
            by_patient[header.patient].append((header.acquired, place))
    series = []
    for scans in by_patient.values():
        days: dict[dt.date, int] = {}
        for day, place in sorted(scans):
            if day in days:
                left_out.append((place, "the patient has another scan of that day"))
            else:
                days[day] = place
        if len(days) > 1:
            series.append(tuple(days.values()))
    return FoundPairs(tuple(series), tuple(left_out))
