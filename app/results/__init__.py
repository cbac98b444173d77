"""Writing results: JSON, DICOM SEG, DICOM SR, report, marks."""
