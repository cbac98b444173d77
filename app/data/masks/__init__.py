"""Outlines of nodules that come as DICOM: segmentations (SEG) and structure sets (RTSTRUCT)."""
