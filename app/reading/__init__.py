"""Reading CT volumes from DICOM folders and research formats."""

from __future__ import annotations

from nodulus.app.reading.archive import Archives
from nodulus.app.reading.discovery import Discovery, StudyInput, find_studies, load_volume
from nodulus.app.reading.prefetch import Prefetcher, prefetching

__all__ = [
    "Archives",
    "Discovery",
    "Prefetcher",
    "StudyInput",
    "find_studies",
    "load_volume",
    "prefetching",
]
