"""The DICOM node: what an Orthanc receives is analysed, and the results go back to it."""
