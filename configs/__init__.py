"""Settings as data: operating points, pipeline, phantom recipe, patient pools, result schema."""
