"""Inserting nodules of given shapes into a chest CT."""
