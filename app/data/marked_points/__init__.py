"""Nodules that others marked by points and sizes: DICOM SR (TID 1500) and 3D Slicer's markups."""
