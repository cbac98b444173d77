"""How the networks run quickly: loading, precision, stages, patches, batches."""
