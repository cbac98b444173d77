"""What the list of processes and a de-identified result do not tell."""

from __future__ import annotations

import stat
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

pytest.importorskip("fastapi")

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.commands import review
from nodulus.app.output import OutputFolder
from nodulus.app.reading import find_studies
from nodulus.app.results.options import OutputOptions
from nodulus.app.run import run_all


def test_the_browser_is_given_a_file_and_not_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(webbrowser, "open", given.append)
    with ExitStack() as stack:
        review._open_browser("http://127.0.0.1:1/?token=secret", stack)
        (address,) = given
        assert "secret" not in address
        page = Path(url2pathname(urlsplit(address).path))
        assert "token=secret" in page.read_text(encoding="utf-8")
        for path, mode in ((page, 0o600), (page.parent, 0o700)):
            assert stat.S_IMODE(path.stat().st_mode) == mode
    assert not page.exists()


@pytest.mark.parametrize("deidentify", [True, False])
def test_de_identified_results_do_not_say_where_the_images_are(
    ct: Path, models: Models, chain_settings: ChainSettings, tmp_path: Path, deidentify: bool
) -> None:
    out = tmp_path / "out"
    options = OutputOptions(report=False, seg=False, sr=False, deidentify=deidentify)
    (outcome,) = run_all(find_studies(ct), OutputFolder(out, ct), models, chain_settings, options)
    assert outcome.error is None
    files = [path for path in out.rglob("*") if path.is_file()]
    told = [path.name for path in files if str(ct).encode() in path.read_bytes()]
    assert told == ([] if deidentify else [".images.json"])
