"""`--viewer`: another viewer's build beside the page, and the studies that it asks for."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi")
from pydicom import Dataset, dcmread

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.review.desk import Desk, Reader
from nodulus.app.review.server.viewer_build import open_viewer_build, study_in_viewer
from tests.app.review.conftest import as_reader

INLINE = "window.PUBLIC_URL = '/';"
CHUNK = "1403.bundle.e8fa44b49cecd08db139.js"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A static build as small as can be, with what must not be served."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    page = f'<script>{INLINE}</script><script defer src="/{CHUNK}"></script>'
    for name, text in (
        ("index.html", page), (CHUNK, "chunk"), ("assets/a.wasm", "wasm"), ("sw.js", "worker"),
        ("app-config.js", "theirs"), ("icon.svg", "theirs"), (".env", "secret"),
    ):  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    (folder / "link.js").symlink_to(tmp_path / "secret.js")
    return folder


@pytest.fixture
def reader(make_desk: Callable[..., Desk], build: Path) -> httpx.Client:
    return as_reader(make_desk(), Reader("A"), open_viewer_build(build))


def test_the_build_is_served_as_it_is_with_a_policy_of_its_own(
    reader: httpx.Client, build: Path
) -> None:
    digest = base64.b64encode(hashlib.sha256(INLINE.encode()).digest()).decode()
    for path in ("/viewer/", "/viewer/viewer?StudyInstanceUIDs=1.2"):
        page = reader.get(path)
        assert page.text == (build / "index.html").read_text(encoding="utf-8")
        policy = page.headers["content-security-policy"]
        assert f"script-src 'self' 'unsafe-eval' 'sha256-{digest}';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        assert page.headers["cache-control"] == "no-cache"
    for path in (f"/{CHUNK}", f"/viewer/{CHUNK}"):
        chunk = reader.get(path)
        assert chunk.text == "chunk"
        assert chunk.headers["content-security-policy"] == policy
        assert "immutable" in chunk.headers["cache-control"]
    assert reader.get("/assets/a.wasm").headers["content-type"] == "application/wasm"


def test_the_applications_own_files_and_policy_stay(reader: httpx.Client) -> None:
    for path in ("/", "/study.html", "/icon.svg", "/api/studies"):
        answer = reader.get(path)
        assert answer.status_code == 200
        assert "unsafe" not in answer.headers["content-security-policy"].replace("wasm-unsafe", "")
        assert "theirs" not in answer.text
    for path in ("/app-config.js", "/viewer/app-config.js"):
        assert 'routerBasename: "/viewer"' in reader.get(path).text


@pytest.mark.parametrize(
    "path",
    ["/sw.js", "/viewer/sw.js", "/link.js", "/viewer/link.js", "/.env", "/viewer/.env",
     "/viewer/missing.js", "/viewer/..%2fsecret.js", "/viewer/%2e%2e/secret.js",
     "/viewer/..%2f..%2f..%2fetc%2fpasswd.txt"],
)  # fmt: skip
def test_no_path_leaves_the_build(reader: httpx.Client, path: str) -> None:
    assert reader.get(path).status_code == 404


def test_strangers_see_neither_the_viewer_nor_a_study(reader: httpx.Client) -> None:
    study = reader.get("/api/studies").json()["studies"][0]["key"]
    reader.cookies.clear()
    for path in ("/viewer/", f"/{CHUNK}", "/app-config.js", "/dicom-web/studies",
                 f"/dicom-web/studies/{study}/series"):  # fmt: skip
        assert reader.get(path).status_code == 401


def test_the_study_page_links_to_the_viewer(
    reader: httpx.Client, client: httpx.Client, analysed: Path
) -> None:
    (key,) = (row["key"] for row in reader.get("/api/studies").json()["studies"])
    sr = dcmread(analysed / key / "nodules_sr.dcm")
    assert reader.get(f"/api/studies/{key}").json()["viewer"] == study_in_viewer(
        sr.StudyInstanceUID
    )
    assert client.get(f"/api/studies/{key}").json()["viewer"] is None


def test_a_study_of_the_desk_is_found_by_dicomweb(
    client: httpx.Client, analysed: Path, ct: Path
) -> None:
    (found,) = client.get("/dicom-web/studies").json()
    study = Dataset.from_json(found)
    assert set(study.ModalitiesInStudy) == {"CT", "SEG", "SR"}
    base = f"/dicom-web/studies/{study.StudyInstanceUID}"
    query = {"includefield": "FrameOfReferenceUID,0020000E"}
    series = [Dataset.from_json(one) for one in client.get(f"{base}/series", params=query).json()]
    ids = {s.Modality: s for s in series}
    source = dcmread(next(ct.iterdir()))
    assert ids["CT"].FrameOfReferenceUID == source.FrameOfReferenceUID
    assert ids["CT"].NumberOfSeriesRelatedInstances == len(list(ct.iterdir()))
    metadata = client.get(f"{base}/series/{ids['SEG'].SeriesInstanceUID}/metadata").json()
    uid = Dataset.from_json(metadata[0]).SOPInstanceUID
    address = f"{base}/series/{ids['SEG'].SeriesInstanceUID}/instances/{uid}"
    (written,) = analysed.glob("*/nodules_seg.dcm")
    assert written.read_bytes() in client.get(address).content
    assert client.get("/dicom-web/studies/1.2.3/series").status_code == 404


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NodulusError, match=r"no index\.html") as caught:
        open_viewer_build(tmp_path)
    assert caught.value.code is ErrorCode.INPUT_NOT_FOUND
