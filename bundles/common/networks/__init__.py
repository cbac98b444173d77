"""Networks that MONAI has no class for."""

from nodulus.bundles.common.networks.crop_classifier import CropClassifier
from nodulus.bundles.common.networks.slice_unet import SliceUNet

__all__ = ["CropClassifier", "SliceUNet"]
