"""What a run is at, told to log files, trace collectors and Prometheus. Nothing of a patient."""
