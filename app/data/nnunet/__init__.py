"""nnU-Net's data folders (``Dataset###_Name``) and predictions, in and out."""
