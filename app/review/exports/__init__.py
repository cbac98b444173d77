"""What is made of decisions: DICOM objects, tables, training data."""
