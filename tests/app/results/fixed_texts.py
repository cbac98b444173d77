"""Every fixed text that the report and the summary can show, collected from where it stands."""

from __future__ import annotations

import ast
import itertools
from importlib import resources
from typing import get_args

import jinja2
from jinja2 import nodes

from nodulus.app.followup import page
from nodulus.app.followup.result import State
from nodulus.app.guidelines import bts, fleischner, nelson
from nodulus.app.guidelines.bts import BtsNodule
from nodulus.app.guidelines.clinical import ClinicalFacts, FindingFacts
from nodulus.app.guidelines.fleischner import FleischnerNodule, FleischnerPatient
from nodulus.app.guidelines.lung_rads_categories import MANAGEMENT
from nodulus.app.result import StudyResult
from nodulus.app.results import summary_lines, wording
from nodulus.app.results.answer import AT_BASELINE, AT_SCREENING

TEMPLATES = (
    ("nodulus.app.results", "report.html.jinja"),
    ("nodulus.app.results", "guidance.html.jinja"),
    ("nodulus.app.followup", "follow_up.html.jinja"),
)
PLACES = [
    f"{side} {part}" for side in ("left", "right") for part in ("upper lobe", "lower lobe", "lung")
] + [
    f"right {part} lobe"
    for part in ("middle", "upper or middle", "middle or lower", "upper or lower")
]
PLANES = ["Axial", "Sagittal", "Coronal"]
TITLES = ["Lungs that were searched", "Nodule probability and candidates"]


def of_templates() -> set[str]:
    """First arguments of the calls of ``t`` in the templates."""
    found = set()
    for package, name in TEMPLATES:
        source = (resources.files(package) / name).read_text(encoding="utf-8")
        for call in jinja2.Environment(autoescape=True).parse(source).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                first = call.args[0]
                if isinstance(first, nodes.Const):
                    found.add(first.value)
    return found


def of_modules() -> set[str]:
    """First arguments of the calls of ``texts`` and ``say`` in Python."""
    found = set()
    for module in (summary_lines, wording, page):
        package, name = module.__name__.rsplit(".", 1)
        path = resources.files(package) / f"{name}.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("texts", "say")
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return found


def of_guidelines() -> set[str]:
    """Categories and management of everything that the guidelines can answer in a result."""
    advice = [
        bts.bts(BtsNodule(texture, **sizes, brock_probability=p, herder_probability=h))
        for texture in ("solid", "ground-glass")
        for sizes in (
            {"maximum_diameter_mm": 4.0},
            {"maximum_diameter_mm": 5.5},
            {"maximum_diameter_mm": 7.0},
            {"maximum_diameter_mm": 9.0},
        )
        for p, h in itertools.product((0.05, 0.2), (None, 0.05, 0.5, 0.9))
    ]
    advice += [
        fleischner.fleischner_nodule(
            FleischnerNodule(texture, mm, None, solid, lymph_node_form=False),
            FleischnerPatient(age_years=60, high_risk=risk),
            several,
        )
        for texture, mm, solid, risk, several in itertools.product(
            ("solid", "part-solid", "ground-glass"), (4, 7, 9), (3, 7), (False, True), (False, True)
        )
    ]
    advice += [nelson.nelson(nelson.NelsonNodule("baseline", v)) for v in (40.0, 100.0, 600.0)]
    rulings = [
        ruling
        for one in advice
        for ruling in (one.ruling, *(other.ruling for other in one.alternatives))
        if ruling is not None
    ]
    words = {word for ruling in rulings for word in (ruling.category, ruling.management)}
    return words | set(MANAGEMENT.values()) | {"not classified", "none by this guideline"}


def of_facts() -> set[str]:
    """Names of what may be known or unknown, and words that are values."""
    names = {*ClinicalFacts.model_fields, *FindingFacts.model_fields} - {"findings"}
    return {name.replace("_", " ") for name in names} | {
        "female",
        "male",
        "several",
        "uptake",
        "benign calcification or fat",
        "brock probability",
        "solid mean diameter mm",
        "herder probability",
    }


def every_text() -> set[str]:
    """All of them."""
    disclaimer = str(StudyResult.model_fields["disclaimer"].default)
    return {
        *of_templates(),
        *of_modules(),
        *of_guidelines(),
        *of_facts(),
        *PLACES,
        *PLANES,
        *TITLES,
        *wording.TEXTURE_WORDS.values(),
        *wording.CHARACTERISTIC_WORDS.values(),
        *wording.ANSWERS.values(),
        *get_args(State),
        "mass",
        "complete",
        "central",
        "concentric",
        "other",
        "mass or consolidation",
        "clinical file",
        AT_BASELINE,
        AT_SCREENING,
        "lymphadenopathy",
        disclaimer,
    }
