"""The chain on whole scans with known lesions."""
