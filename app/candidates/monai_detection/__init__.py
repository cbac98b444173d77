"""MONAI's bundle lung_nodule_ct_detection as a source of candidates."""
