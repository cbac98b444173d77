"""The LIDC-IDRI readers of one nodule: what they agree on."""
