"""The application: DICOM in, ranked findings out."""
