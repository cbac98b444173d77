"""Reading CT volumes from DICOM folders and research formats."""

from __future__ import annotations

from app.reading.ahead import ReadAhead, reading_ahead
from app.reading.archive import Archives
from app.reading.discovery import Discovery, StudyInput, find_studies, load_volume

__all__ = [
    "Archives",
    "Discovery",
    "ReadAhead",
    "StudyInput",
    "find_studies",
    "load_volume",
    "reading_ahead",
]
