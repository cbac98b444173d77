"""What a malignancy network must beat: a nodule's size alone, and a few radiomics features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bundles.common.data.rated_crops import RatedCrop
from bundles.common.radiomics import FEATURES, radiomics
from transforms.texture_class import TextureRule

Floats = NDArray[np.float64]


def diameters(crops: Sequence[RatedCrop]) -> Floats:
    """The annotated diameter of each nodule as its score, shape (n,)."""
    return np.array([crop.diameter_mm for crop in crops])


def volumes(crops: Sequence[RatedCrop]) -> Floats:
    """The volume of each nodule's mask as its score, shape (n,)."""
    return np.array([crop.volume_mm3 for crop in crops])


def feature_table(crops: Sequence[RatedCrop], rule: TextureRule) -> Floats:
    """Shape (n, features), see :data:`~bundles.common.radiomics.FEATURES`."""
    rows = [radiomics(crop.hu, crop.mask, crop.geometry, rule) for crop in crops]
    return np.array([[row[name] for name in FEATURES] for row in rows])


class RadiomicsModel:
    """Logistic regression (scikit-learn's, L2 with C = 1) of standardised features.

    Args:
        crops: nodules to learn from.
        rule: of the share of solid voxels.

    Raises:
        ValueError: a class is missing among them.
    """

    def __init__(self, crops: Sequence[RatedCrop], rule: TextureRule) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        malignant = np.array([crop.malignant for crop in crops])
        if malignant.all() or not malignant.any():
            raise ValueError(f"{int(malignant.sum())} of {len(crops)} nodules are malignant; "
                             "both classes are needed")  # fmt: skip
        self.rule = rule
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        self.model.fit(feature_table(crops, rule), malignant)

    def scores(self, crops: Sequence[RatedCrop]) -> Floats:
        """Probability of malignancy of each nodule, shape (n,)."""
        return np.asarray(self.model.predict_proba(feature_table(crops, self.rule))[:, 1])

    def weights(self) -> dict[str, float]:
        """Weight of each standardised feature."""
        return dict(zip(FEATURES, map(float, self.model[-1].coef_[0]), strict=True))
