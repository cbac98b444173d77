"""Training data from annotated CT: what needs the application's own DICOM reading."""
