"""The training data's report: numbers of :mod:`bundles.common.eda` as a page with pictures."""
