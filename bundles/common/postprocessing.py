"""Steps between a network's output and a metric."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from nodulus.transforms.ignore_label import IGNORE_LABEL


class DropIgnoredd(MapTransform):
    """Clear predictions where nobody has labelled, and make the label map binary.

    Args:
        keys: predictions of the label's shape.
        label_key: the label map, 0 to 255; it becomes 0 or 1.
        ignore_label: the label to leave out.
    """

    def __init__(
        self, keys: KeysCollection, label_key: str = "label", ignore_label: int = IGNORE_LABEL
    ) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.ignore_label = ignore_label

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Clear."""
        result = dict(data)
        label: torch.Tensor = result[self.label_key]
        ignored = label == self.ignore_label
        for key in self.key_iterator(result):
            result[key] = result[key].masked_fill(ignored, 0)
        result[self.label_key] = ((label > 0) & ~ignored).to(torch.float32)
        return result
