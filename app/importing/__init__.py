"""Models that others have trained, as model folders of the chain."""
