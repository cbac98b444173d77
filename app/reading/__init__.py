"""Reading CT volumes from DICOM folders and research formats."""

from __future__ import annotations

from app.reading.archive import Archives
from app.reading.discovery import Discovery, StudyInput, find_studies, load_volume

__all__ = ["Archives", "Discovery", "StudyInput", "find_studies", "load_volume"]
