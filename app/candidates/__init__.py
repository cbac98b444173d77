"""Candidates of other tools: tables of marks, label images and DICOM segmentations."""

from __future__ import annotations

from nodulus.app.candidates.open_candidates import open_candidates

__all__ = ["open_candidates"]
