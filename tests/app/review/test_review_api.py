"""The application, from the work list to the signed-off objects."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom as hd
import httpx
import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from nodulus.app.output import IMAGES, images_of
from nodulus.app.review.desk import Desk, Reader
from nodulus.app.volume import CtVolume
from tests.app.review.conftest import as_reader
from tests.app.synthetic_chest import NODULES_LPS, RADIUS


class Study:
    """What the page does with one study."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        (row,) = client.get("/api/studies").json()["studies"]
        self.path = f"/api/studies/{row['key']}"
        self.state = self.get("").json()

    def get(self, name: str, **query: Any) -> httpx.Response:
        return self.client.get(self.path + name, params=query)

    def enter(self, kind: str, finding: str | None = None, **data: Any) -> httpx.Response:
        request = {"kind": kind, "data": data, "expected_version": self.state["version"]}
        if finding is not None:
            request["finding"] = finding
        answer = self.client.post(self.path + "/entries", json=request)
        if answer.status_code == 200:
            self.state = answer.json()
        return answer

    def finding(self, name: str) -> dict[str, Any]:
        return next(f for f in self.state["findings"] if f["id"] == name)


@pytest.fixture
def study(client: httpx.Client) -> Study:
    return Study(client)


def volume_of(answer: httpx.Response) -> tuple[np.ndarray, np.ndarray]:
    image = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    return np.asarray(image.dataobj), image.affine


def lps_index(affine: np.ndarray, lps: tuple[float, ...]) -> tuple[int, ...]:
    ras = np.array([-lps[0], -lps[1], lps[2], 1])
    return tuple(np.rint(np.linalg.inv(affine) @ ras)[:3].astype(int))


@pytest.mark.slow
def test_the_work_list_tells_what_is_to_be_done(client: httpx.Client, results: Path) -> None:
    (row,) = client.get("/api/studies").json()["studies"]
    assert (row["status"], row["findings"], row["to_decide"], row["images"]) == ("new", 2, 2, True)
    (results / "summary.json").write_text(
        json.dumps({"studies": [{"key": "x", "findings": None, "error": {
            "code": "no-lungs", "message": "none", "remedy": "look"}}]})
    )  # fmt: skip
    listed = client.get("/api/studies", params={"sort": "status", "limit": 1}).json()
    assert (listed["total"], listed["studies"][0]["status"]) == (2, "failed")
    assert listed["on_their_way"] is None
    assert client.get("/api/studies", params={"status": "signed-off"}).json()["total"] == 0
    assert client.get("/api/studies", params={"sort": "nonsense"}).status_code == 422


@pytest.mark.slow
def test_volumes_lie_where_the_ct_lies(study: Study, volume: CtVolume) -> None:
    big = NODULES_LPS["big"]
    for name in ("/preview.nii.gz", "/lungs.nii.gz", "/ct.nii.gz"):
        hu, affine = volume_of(study.get(name))
        assert hu.dtype == np.int16
        assert hu[lps_index(affine, big)] > -200, name
        away = (big[0], big[1] + 18, big[2])
        assert hu[lps_index(affine, away)] < -700, name
    labels, affine = volume_of(study.get("/labels.nii.gz"))
    assert labels.shape == volume.hu.shape[::-1]
    assert labels[lps_index(affine, big)] == study.finding("1")["label"]
    known = study.get("/ct.nii.gz").headers["etag"]
    again = study.client.get(study.path + "/ct.nii.gz", headers={"If-None-Match": known})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.slow
def test_slices_are_drawn_with_outlines(study: Study) -> None:
    i, _, _ = (round(v) for v in study.finding("1")["center_index_irc"])
    plain = study.get("/slice.png", plane="axial", index=i, outlines=False)
    drawn = study.get("/slice.png", plane="axial", index=i, window="40,400", slab_mm=8)
    assert Image.open(io.BytesIO(plain.content)).mode == "L"
    colours = Image.open(io.BytesIO(drawn.content)).convert("RGB").getcolors(1 << 24)
    assert tuple(study.finding("1")["rgb"]) in {colour for _, colour in colours}
    for plane in ("coronal", "sagittal"):
        assert study.get("/slice.png", plane=plane).headers["content-type"] == "image/png"
    assert study.get("/slice.png", index=4000).status_code == 400
    assert study.get("/slice.png", window="1,2,3").status_code == 400


@pytest.mark.slow
def test_another_entry_came_first(study: Study) -> None:
    assert study.enter("accept", "1").status_code == 200
    study.state["version"] = 0
    answer = study.enter("reject", "1", reason="vessel")
    assert answer.status_code == 409
    assert answer.json()["code"] == "entry-conflict"
    assert answer.json()["state"]["findings"][0]["decision"] == "accepted"


@pytest.mark.slow
def test_an_added_nodule_is_outlined_where_it_is(study: Study) -> None:
    """At a known ball the reader's finding is the chain's own."""
    study.enter("add", center_lps_mm=NODULES_LPS["small"])
    added, known = study.state["findings"][-1], study.finding("2")
    assert (added["id"], added["source"], added["decision"]) == ("a1", "added", "accepted")
    assert added["outlined_by"] == "segmentation"
    for name in ("center_lps_mm", "volume_mm3", "nodule_probability", "malignancy_probability"):
        assert added[name] == pytest.approx(known[name], rel=1e-4), name
    assert added["diameters_mm"]["mean"] == pytest.approx(2 * RADIUS["small"], abs=1.5)


@pytest.mark.slow
def test_where_the_segmentation_sees_nothing_it_is_said(study: Study) -> None:
    study.enter("add", center_lps_mm=(65.0, -80.0, 30.0))
    added = study.state["findings"][-1]
    assert added["outlined_by"] in ("grown", "ball")
    assert added["center_lps_mm"] == pytest.approx((65.0, -80.0, 30.0), abs=4.0)
    refused = study.enter("add", center_lps_mm=(900.0, 0.0, 0.0))
    assert (refused.status_code, refused.json()["code"]) == (422, "entry-refused")


@pytest.mark.slow
def test_resizing_and_redrawing_are_measured_anew(study: Study, volume: CtVolume) -> None:
    uid = study.finding("1")["nodule_probability"]
    study.enter("resize", "1", diameter_mm=12.0)
    small = study.finding("1")
    assert small["diameters_mm"]["mean"] == pytest.approx(12.0, abs=1.0)
    assert small["volume_mm3"] == pytest.approx(np.pi / 6 * 12**3, rel=0.25)
    assert (small["changed"], small["nodule_probability"]) == (["outline"], uid)
    i, r, c = (round(v) for v in small["center_index_irc"])
    mask = np.ones((2, 4, 5), bool)
    packed = base64.b64encode(gzip.compress(np.packbits(mask).tobytes())).decode()
    box = [i, r - 2, c - 2]
    study.enter("redraw", "1", box_start_irc=box, shape_irc=[2, 4, 5], mask=packed)
    drawn = study.finding("1")
    assert drawn["volume_mm3"] == pytest.approx(40 * volume.geometry.voxel_volume_mm3)
    labels, whole = volume_of(study.get("/labels.nii.gz"))
    assert np.argwhere(labels == drawn["label"]).min(axis=0).tolist() == box[::-1]
    assert (labels == drawn["label"]).sum() == 40
    part, affine = volume_of(study.get("/labels.nii.gz", box=True))
    start = np.round((np.linalg.inv(whole) @ affine)[:3, 3])
    held = tuple(slice(int(a), int(a) + n) for a, n in zip(start, part.shape, strict=True))
    assert np.array_equal(labels[held], part)
    assert np.count_nonzero(labels) == np.count_nonzero(part)
    assert part.size < labels.size
    logged = study.get("/log").json()
    assert "mask" not in json.dumps(logged)
    assert [e["kind"] for e in logged] == ["resize", "redraw"]


@pytest.mark.parametrize(
    ("box", "shape", "mask", "why"),
    [
        ([0, 0, 0], [1, 1, 1], "AAAA", "no base64 of gzip"),
        ([0, 0, 0], [1, 1, 9], base64.b64encode(gzip.compress(b"\xff")).decode(), "bytes"),
        ([0, 0, 0], [2, 2, 2], base64.b64encode(gzip.compress(b"\0")).decode(), "empty"),
        ([0, 0, 0], [1, 1, 60000], base64.b64encode(gzip.compress(b"\xff")).decode(), "within"),
        ([0, 0, 0], [2, 2, 2], base64.b64encode(gzip.compress(b"\xff" * 10**7)).decode(), "bytes"),
    ],
)
@pytest.mark.slow
def test_broken_outlines_are_refused(
    study: Study, box: list[int], shape: list[int], mask: str, why: str
) -> None:
    answer = study.enter("redraw", "1", box_start_irc=box, shape_irc=shape, mask=mask)
    assert answer.status_code == 422
    assert why in answer.json()["message"]


@pytest.mark.slow
def test_decisions_outlive_the_process_and_a_new_analysis_has_its_own(
    make_desk: Callable[..., Desk], results: Path
) -> None:
    first = Study(as_reader(make_desk(), Reader("A")))
    first.enter("accept", "1")
    assert Study(as_reader(make_desk(), Reader("B"))).finding("1")["decision"] == "accepted"
    (findings,) = results.glob("*/findings.json")
    content = json.loads(findings.read_text())
    findings.write_text(json.dumps({**content, "created": "2030-01-01T00:00:00+00:00"}))
    assert Study(as_reader(make_desk(), Reader("A"))).state["version"] == 0
    assert stat.S_IMODE((results / "review.sqlite").stat().st_mode) == 0o600


@pytest.mark.slow
def test_images_are_found_again_or_it_is_said(
    make_desk: Callable[..., Desk], results: Path, ct: Path, tmp_path: Path
) -> None:
    assert set(images_of(results).values()) == {str(ct)}
    assert stat.S_IMODE((results / IMAGES).stat().st_mode) == 0o600
    (results / IMAGES).unlink()
    gone = Study(as_reader(make_desk(), Reader("A")))
    assert not gone.state["has_images"]
    answer = gone.get("/ct.nii.gz")
    assert (answer.status_code, answer.json()["code"]) == (404, "images-not-found")
    assert gone.enter("accept", "1").status_code == 200
    assert Study(as_reader(make_desk(ct), Reader("A"))).get("/preview.nii.gz").status_code == 200
    shutil.copytree(ct, tmp_path / "fewer")
    for path in sorted((tmp_path / "fewer").iterdir())[:10]:
        path.unlink()
    other = Study(as_reader(make_desk(tmp_path / "fewer"), Reader("A"))).get("/ct.nii.gz")
    assert other.json()["code"] == "images-not-found"
    assert "not all that were analysed" in other.json()["message"]


@pytest.fixture
def signed(study: Study) -> Study:
    """One changed, one rejected, one added; signed off."""
    study.enter("accept", "1")
    study.enter("resize", "1", diameter_mm=14.0)
    study.enter("change", "1", malignancy=5, texture="part-solid")
    study.enter("reject", "2", reason="vessel", text="a branch")
    study.enter("add", center_lps_mm=(65.0, -80.0, 30.0))
    assert study.get("/exports/sr.dcm").status_code == 409
    study.enter("sign-off")
    return study


def test_the_signed_report_is_the_persons(signed: Study, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    path.write_bytes(signed.get("/exports/sr.dcm").content)
    report = hd.sr.srread(path)
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("VERIFIED", "FINAL")
    assert str(report.VerifyingObserverSequence[0].VerifyingObserverName) == "Doe^Jane"
    observers = report.content.get_observer_contexts(
        observer_type=hd.sr.CodedConcept("121006", "DCM", "Person")
    )
    assert str(observers[0].observer_identifying_attributes.name) == "Doe^Jane"
    groups = [
        *report.content.get_volumetric_roi_measurement_groups(),
        *report.content.get_image_measurement_groups(),
    ]
    told = {
        group.tracking_identifier: {
            e.name.meaning: e.value.value for e in group.get_qualitative_evaluations()
        }
        for group in groups
    }
    assert [told[f"Nodule {n}"]["Reader's decision on the finding"] for n in (1, 2, 3)] == [
        "changed",
        "rejected",
        "added",
    ]
    assert told["Nodule 2"]["What it is instead of a nodule"] == "59820001"
    finding_types = {group.tracking_identifier: group.finding_type for group in groups}
    assert finding_types["Nodule 2"] is None
    assert finding_types["Nodule 1"].meaning == "Nodule"


@pytest.mark.slow
def test_the_signed_masks_are_the_readers(signed: Study, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    path.write_bytes(signed.get("/exports/seg.dcm").content)
    seg = hd.seg.segread(path)
    assert seg.number_of_segments == 2  # without the rejected one
    labels, _ = volume_of(signed.get("/labels.nii.gz"))
    for number, name in ((1, "1"), (2, "a5")):
        pixels = sum(
            int(np.count_nonzero(frame))
            for frame, groups in zip(
                np.atleast_3d(seg.pixel_array), seg.PerFrameFunctionalGroupsSequence, strict=True
            )
            if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
        )
        assert pixels == (labels == signed.finding(name)["label"]).sum()
    kinds = [d.SegmentAlgorithmType for d in seg.SegmentSequence]
    assert kinds == ["SEMIAUTOMATIC", "SEMIAUTOMATIC"]
    sr = pydicom.dcmread(io.BytesIO(signed.get("/exports/sr.dcm").content))
    assert str(seg.SOPInstanceUID) in str(sr)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("name", ["sr.dcm", "seg.dcm"])
@pytest.mark.slow
def test_signed_objects_pass_dciodvfy(signed: Study, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(signed.get(f"/exports/{name}").content)
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False).stderr
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


@pytest.mark.slow
def test_tables_hold_the_decisions(signed: Study) -> None:
    rows = list(csv.DictReader(io.StringIO(signed.get("/exports/marks.csv").text)))
    assert [float(row["probability"]) for row in rows] == [1.0, 1.0]
    findings = list(csv.DictReader(io.StringIO(signed.get("/exports/findings.csv").text)))
    assert [row["decision"] for row in findings] == ["accepted", "rejected", "accepted"]
    assert (findings[1]["reason"], findings[0]["malignancy_rating"]) == ("vessel", "5")


@pytest.mark.slow
def test_a_signed_study_waits_for_a_reason(signed: Study) -> None:
    assert signed.enter("accept", "2").status_code == 422
    assert signed.enter("reopen", reason="second look").status_code == 200
    assert signed.enter("accept", "2").status_code == 200
