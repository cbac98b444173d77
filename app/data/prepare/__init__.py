"""From annotated CT to the cache that the bundles train on."""
