"""The HTML report: what it says and shows, and of whom it says nothing."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from nodulus.app.results import writers
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.pictures import Picture
from nodulus.app.results.report import embed
from nodulus.app.results.study_plan import StudyAnalysis, plan
from nodulus.app.volume import CtVolume

from .synthetic import PATIENT_ID, PATIENT_NAME, SHAPE, result_for, two_labels, write_series


class Page(HTMLParser):
    """Collects what the tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.images.append(values)
        if values.get("id"):
            self.ids.add(str(values["id"]))
        if values.get("href"):
            self.links.append(str(values["href"]))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> CtVolume:
    return write_series(tmp_path_factory.mktemp("ct"))


def page(volume: CtVolume, labels: np.ndarray) -> str:
    analysis = StudyAnalysis(labels, result_for(volume, labels))
    (report,) = writers.report(plan(volume, analysis, OutputOptions())).values()
    return report.decode()


@pytest.fixture(scope="module")
def html(volume: CtVolume) -> str:
    labels = two_labels()
    return page(volume, labels)


def test_one_file_and_no_network(html: str) -> None:
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert "url(" not in html
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_pictures_are_embedded_and_described(html: str) -> None:
    page = Page(html)
    described = [image for image in page.images if image["alt"]]
    assert len(described) == 2 * 4
    for image in page.images:
        data = base64.b64decode(str(image["src"]).removeprefix("data:image/png;base64,"))
        png = Image.open(io.BytesIO(data))
        if image["alt"]:
            assert png.size[0] >= 256
        else:
            assert png.mode == "RGBA"
            assert png.getbbox() == (0, 0, *png.size), "cut down to what is drawn"


def test_layers_lie_where_they_were_drawn() -> None:
    drawn = Image.new("RGBA", (640, 512), (0, 0, 0, 0))
    drawn.paste((255, 0, 0, 255), (100, 31, 421, 500))
    base, empty = Image.new("L", (320, 256)), Image.new("RGBA", drawn.size, (0, 0, 0, 0))
    embedded = embed(Picture(base, drawn, empty, "alt", "caption"))
    assert embedded.outline is None
    assert embedded.marks is not None
    left, top, width, height = (
        float(part.split(":")[1].rstrip("%")) for part in embedded.marks.style.split(";")
    )
    assert (left * 6.4, top * 5.12, width * 6.4, height * 5.12) == pytest.approx(
        (100, 31, 321, 469), abs=0.01
    )


def test_table_says_what_was_found(html: str, volume: CtVolume) -> None:
    page = Page(html)
    text = re.sub(r"\s+", " ", page.text)
    assert "2 findings, 1 marked as suspicious (3 candidates examined)" in text
    assert "12.0 \N{MULTIPLICATION SIGN} 10.0" in text
    assert "10 of 20" in text  # slice index 9, counted from 1
    assert "11, 10 of 20" in text  # after its instance number, counted from the head
    assert volume.series_uid in text
    assert "Research software, not a medical device" in text
    assert "2025-01-31 12:34:56 UTC" in text
    assert all(link.removeprefix("#") in page.ids for link in page.links)


def test_texture_and_solid_part_are_shown(html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert text.count("Part-solid") == 3  # in the table, on the card, and in the text to copy
    assert "Solid part6.2 mm, 120 mm³" in text


def test_text_is_escaped(html: str) -> None:
    assert "Smaller than &lt;b&gt;3 mm&lt;/b&gt;." in html


def test_patient_does_not_appear(html: str) -> None:
    for secret in (PATIENT_NAME, "Secret", PATIENT_ID, "19500102"):
        assert secret not in html


def test_no_finding_is_said(volume: CtVolume) -> None:
    empty = np.zeros(SHAPE, np.uint8)
    html = page(volume, empty)
    assert "No nodule was found." in html
    assert "<img" not in html


def test_research_format_has_no_image_number(volume: CtVolume) -> None:
    labels = two_labels()
    research = dataclasses.replace(volume, source_images=(), study_uid=None)
    html = page(research, labels)
    assert "instance number" not in html
