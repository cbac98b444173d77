"""From scans on disk to a training cache: a data folder that needs the scans no more."""
