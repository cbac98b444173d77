"""The application on the real SDK, beside `nodulus detect`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from pydicom import DataElement, Dataset, dcmread

from nodulus.app.volume import CtVolume
from tests.app.candidates.files import write_nifti
from tests.app.deploy.needs_sdk import NEEDS_SDK

pytestmark = NEEDS_SDK

# What no two runs have in common.
ANEW = {"UI", "DA", "TM", "DT"}


def described(dataset: Dataset) -> list[object]:
    """Everything in a dataset but UIDs and times; UIDs of the source are the same anyway."""
    return [(element.tag, element.VR, _value(element)) for element in dataset]


def _value(element: DataElement) -> object:
    if element.VR == "SQ":
        return [described(item) for item in element.value]
    if element.keyword == "EncapsulatedDocument":
        return printed(element.value)
    # The length is that of a document with another time in it.
    is_new = element.VR in ANEW or element.keyword == "EncapsulatedDocumentLength"
    return "anew" if is_new else element.value


def printed(document: bytes) -> list[str]:
    """The text of a PDF's pages but for the time of the analysis."""
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(document)]
    assert any("Analysed" in page for page in pages)
    return [re.sub(r"Analysed\s+\S+", "", page) for page in pages]


def source_uids(dataset: Dataset) -> tuple[str, ...]:
    return dataset.StudyInstanceUID, dataset.get("FrameOfReferenceUID", ""), dataset.PatientID


def without_times(findings: Path) -> dict[str, Any]:
    content = json.loads(findings.read_text())
    assert set(content.pop("timings_s")) >= {"read", "segmentation", "results"}
    content.pop("created")
    return content


@pytest.mark.slow
def test_it_gives_what_detect_gives(  # type: ignore[no-untyped-def]
    run, chest: Path, quick_bundles: Path, tmp_path: Path
) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text('{"screening": true}')
    options = ("--seg-type", "fractional", "--key-images", "--pdf", "--clinical", facts)
    one = run("app", "detect", chest, "-o", tmp_path / "detect", "-m", quick_bundles, *options)
    config = tmp_path / "app.yaml"
    config.write_text(
        "results:\n  seg_type: fractional\n  key_images: true\n  pdf: true\n"
        f"clinical:\n  file: {facts}\n"
    )
    places = {
        "HOLOSCAN_INPUT_PATH": chest,
        "HOLOSCAN_OUTPUT_PATH": tmp_path / "deploy",
        "HOLOSCAN_MODEL_PATH": quick_bundles,
        "HOLOSCAN_CONFIG_PATH": config,
    }
    two = run("app", environment=places)
    assert one.returncode == two.returncode == 1  # the MR study
    assert "3 findings" in two.stdout, two.stderr
    assert two.stdout.replace("/deploy/", "/detect/") == one.stdout
    (error,) = two.stderr.splitlines()  # the MR study's, and not a word of the SDK
    assert error.startswith("error: [wrong-modality]")
    assert error in one.stderr
    (detect,) = (p for p in (tmp_path / "detect").iterdir() if p.is_dir())
    deploy = tmp_path / "deploy" / detect.name
    assert {p.name for p in detect.iterdir()} == {p.name for p in deploy.iterdir()}
    findings = without_times(deploy / "findings.json")
    assert without_times(detect / "findings.json") == findings
    known = {fact["name"]: fact["value"] for fact in findings["guidance"]["facts"]}
    assert known["screening"] is True
    names = sorted(path.name for path in detect.glob("*.dcm"))
    assert {"nodules_seg.dcm", "key_objects.dcm", "key_image_2.dcm", "report_pdf.dcm"} <= set(names)
    for name in names:
        a, b = dcmread(detect / name), dcmread(deploy / name)
        assert described(a) == described(b), name
        assert source_uids(a) == source_uids(b), name
    pictures = [re.findall(r"base64,([^\"]+)", (p / "report.html").read_text())
                for p in (detect, deploy)]  # fmt: skip
    assert pictures[0]
    assert pictures[0] == pictures[1]
    summaries = [(tmp_path / n / "summary.json").read_text() for n in ("detect", "deploy")]
    assert summaries[0] == summaries[1]


def test_options_are_taken_and_errors_keep_their_codes(  # type: ignore[no-untyped-def]
    run, quick_bundles: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = run("app", "-i", tmp_path / "empty", "-o", tmp_path / "out", "-m", quick_bundles)
    assert done.returncode == 1
    assert "[input-empty]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clinical_file_that_is_not_there_is_named(  # type: ignore[no-untyped-def]
    run, chest: Path, quick_bundles: Path, tmp_path: Path
) -> None:
    config = tmp_path / "app.yaml"
    config.write_text(f"results:\n  pdf: false\nclinical:\n  file: {tmp_path}/none.json\n")
    arguments = ("-i", chest, "-o", tmp_path / "out", "-m", quick_bundles)
    done = run("app", *arguments, environment={"HOLOSCAN_CONFIG_PATH": config})
    assert done.returncode == 1
    assert f"[input-not-readable] {tmp_path}/none.json" in done.stderr


def test_a_label_image_that_names_no_scan_is_refused(  # type: ignore[no-untyped-def]
    run, chest: Path, quick_bundles: Path, volume: CtVolume, tmp_path: Path
) -> None:
    label = tmp_path / "label.nii.gz"
    write_nifti(label, (volume.hu > 0).astype(np.uint8), volume.geometry)
    config = tmp_path / "app.yaml"
    config.write_text(f"results:\n  pdf: false\ncandidates:\n  file: {label}\n")
    arguments = ("-i", chest, "-o", tmp_path / "out", "-m", quick_bundles)
    done = run("app", *arguments, environment={"HOLOSCAN_CONFIG_PATH": config})
    assert done.returncode == 1
    assert f"[candidates-invalid] {label}" in done.stderr
    assert "does not say of which scan it is" in done.stderr


@pytest.mark.parametrize(
    "text", [None, "results:\n  docx: true\n", "results:\n  seg_type: labelmap\n"]
)
def test_a_configuration_that_does_not_hold_is_named(  # type: ignore[no-untyped-def]
    run, chest: Path, quick_bundles: Path, tmp_path: Path, text: str | None
) -> None:
    config = tmp_path / "app.yaml"
    if text is not None:
        config.write_text(text)
    given = {"HOLOSCAN_CONFIG_PATH": config}
    arguments = ("-i", chest, "-o", tmp_path / "out", "-m", quick_bundles)
    done = run("app", *arguments, environment=given)
    assert done.returncode == 1
    assert f"[settings-invalid] {config}" in done.stderr
