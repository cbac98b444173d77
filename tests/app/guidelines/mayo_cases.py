"""Mayo inputs of known patients, for the tests of Mayo and of Herder, which goes on from it."""

from __future__ import annotations

from nodulus.app.guidelines.mayo import MayoInputs


def mayo_inputs(age, smoker, cancer, spiculated, upper, diameter, **other) -> MayoInputs:
    return MayoInputs(
        **{
            "diameter_mm": diameter,
            "age_years": age,
            "ever_smoker": bool(smoker),
            "extrathoracic_cancer_over_5_years_ago": bool(cancer),
            "spiculated": bool(spiculated),
            "upper_lobe": bool(upper),
            "cancer_within_5_years": False,
            "lung_cancer_before": False,
            **other,
        }
    )
