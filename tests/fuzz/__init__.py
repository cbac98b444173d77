"""Seeded mutations of DICOM input: `python -m tests.fuzz --count 5000 --seed 1`."""
