"""A study's result in the formats of other tools."""
