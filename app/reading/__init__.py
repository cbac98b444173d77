"""Reading CT volumes from DICOM folders and research formats."""

from __future__ import annotations

from nodulus.app.reading.archive import Archives
from nodulus.app.reading.discovery import Discovery, StudyInput, find_studies, load_volume
from nodulus.app.reading.prefetch import ReadAhead, reading_ahead

__all__ = [
    "Archives",
    "Discovery",
    "ReadAhead",
    "StudyInput",
    "find_studies",
    "load_volume",
    "reading_ahead",
]
