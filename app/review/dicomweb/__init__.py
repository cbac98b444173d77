"""DICOMweb (PS3.18) on the studies of a review or a service: search and retrieve."""
