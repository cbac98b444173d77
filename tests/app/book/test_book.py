"""The book's checkpoints compute what they did, and give a folder of models."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from monai.bundle import verify_metadata, verify_net_in_out

from nodulus.app.book import import_checkpoints
from nodulus.app.book.checkpoint import read_checkpoint
from nodulus.app.book.convert import convert_classifier, convert_segmentation
from nodulus.app.chain import load_models, load_settings
from nodulus.app.commands.root import cli
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.book import book_checkpoints as book

BUNDLES = Path(__file__).resolve().parents[3] / "bundles"
CROP = (32, 48, 48)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return (
        book.write(tmp_path / "seg.state", book.segmentation_state()),
        book.write(tmp_path / "cls.state", book.classifier_state()),
    )


def hu(*shape: int) -> torch.Tensor:
    return torch.randint(-1000, 1001, shape, generator=torch.Generator().manual_seed(3)).float()


@pytest.mark.parametrize("options", [{}, {"slices": 3, "first": 4}])
def test_the_unet_computes_what_the_checkpoint_says(tmp_path: Path, options) -> None:
    state = book.segmentation_state(**options)
    converted = convert_segmentation(read_checkpoint(book.write(tmp_path / "a.state", state)))
    x = hu(2, options.get("slices", 7), 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(converted.network(x), book.segmentation_logits(state, x))


def test_the_classifier_computes_what_the_checkpoint_says(tmp_path: Path) -> None:
    state = book.classifier_state()
    converted = convert_classifier(read_checkpoint(book.write(tmp_path / "a.state", state)), CROP)
    x = hu(2, 1, *CROP)
    with torch.no_grad():
        torch.testing.assert_close(converted.network(x), book.classifier_logits(state, x))


def without(state: book.State, key: str) -> book.State:
    return {k: v for k, v in state.items() if k != key}


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (without(book.segmentation_state(), "unet.last.bias"), "head.bias"),
        (
            {**book.segmentation_state(), "unet.up_path.0.up.1.weight": torch.zeros(1)},
            "unet.up_path.0.up.1.weight",
        ),
        (
            {**book.segmentation_state(), "unet.up_path.5.up.bias": torch.zeros(1)},
            "unet.up_path.5.up.bias",
        ),
        (
            {**book.segmentation_state(), "unet.last.weight": torch.zeros(2, 2, 1, 1)},
            r"unet.last.weight of shape \(2, 2, 1, 1\)",
        ),
        (book.classifier_state(), "tail_batchnorm"),
        ({}, "batch norm"),
    ],
)
def test_keys_that_do_not_fit_are_named(tmp_path: Path, state: book.State, named: str) -> None:
    path = book.write(tmp_path / "a.state", state)
    with pytest.raises(NodulusError, match=named) as error:
        convert_segmentation(read_checkpoint(path))
    assert error.value.code is ErrorCode.MODEL_INVALID
    assert "a.state" in str(error.value)


def test_a_classifier_of_other_crops_is_refused(tmp_path: Path) -> None:
    state = book.classifier_state()
    state["head_linear.weight"] = torch.zeros(2, 5)
    with pytest.raises(NodulusError, match=r"head_linear.weight of shape \(2, 5\)"):
        convert_classifier(read_checkpoint(book.write(tmp_path / "a.state", state)), CROP)


class Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("run",))


def test_code_in_a_checkpoint_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.state"
    torch.save({"model_state": Harmful()}, path)
    with pytest.raises(NodulusError) as error:
        read_checkpoint(path)
    assert error.value.code is ErrorCode.MODEL_INVALID
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"nothing", pickle.dumps({"model_state": 1})])
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.state").write_bytes(content)
    with pytest.raises(NodulusError, match=r"a\.state") as error:
        read_checkpoint(tmp_path / "a.state")
    assert error.value.code is ErrorCode.MODEL_INVALID


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["import", "dlwpt", *map(str, arguments)])


def test_the_folder_is_one_that_the_chain_loads(files: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "models"
    result = run("--seg", files[0], "--cls", files[1], "-o", folder)
    assert result.exit_code == 0, result.output
    models = load_models(folder, "cpu")
    assert models.segmentation.input_kind == "native_slices"
    assert models.segmentation.slices == 7
    assert models.nodule.input_kind == "native_crop"
    assert models.nodule.crop_size == CROP
    assert (models.nodule.spacing_mm, models.nodule.input_range) == (None, (-1000.0, 1000.0))
    said = {m.name: m.trained_on for m in models.info()}
    assert "own copy" in said["segmentation"]
    assert "own copy" in said["nodule"]
    assert "readers' ratings" in said["malignancy"]  # the shipped one, and it is said
    shipped, own, plain = load_settings(), load_settings(folder), load_settings(folder / "book")
    for settings in (own, plain):
        assert settings.operating_points.malignancy == shipped.operating_points.malignancy
        assert settings.operating_points.nodule != shipped.operating_points.nodule
    assert (own.pipeline.search, plain.pipeline.search) == ("lungs", "volume")
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("name", ["segmentation", "nodule", "malignancy"])
def test_metadata_is_valid_and_describes_the_network(
    files: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "models"
    import_checkpoints(files[0], files[1], files[1], folder)
    configs = folder / name / "configs"
    metadata = str(configs / "metadata.json")
    verify_metadata(meta_file=metadata, filepath=str(BUNDLES / "common" / "metadata.schema.json"))
    verify_net_in_out("network_def", metadata, str(configs / "inference.json"), device="cpu", n=4)
    content = json.loads((configs / "metadata.json").read_text())
    assert read_checkpoint(files[name != "segmentation"]).sha256 in str(content["changelog"])


def test_an_imported_malignancy_has_the_books_threshold(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    import_checkpoints(files[0], files[1], files[1], tmp_path / "models")
    models = load_models(tmp_path / "models", "cpu")
    assert models.malignancy.input_kind == "native_crop"
    point = load_settings(tmp_path / "models").operating_points.malignancy
    assert "the book's own" in point.chosen_on


def test_a_folder_with_content_is_refused_and_left_alone(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.txt").write_text("keep")
    result = run("--seg", files[0], "--cls", files[1], "-o", tmp_path / "models")
    assert result.exit_code == 1
    assert "output-not-writable" in result.output
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["mine.txt"]


def test_a_checkpoint_in_the_wrong_place_leaves_no_folder(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    result = run("--seg", files[0], "--cls", files[0], "-o", tmp_path / "models")
    assert result.exit_code == 1
    assert "model-invalid" in result.output
    assert not (tmp_path / "models").exists()
    missing = run("--seg", tmp_path / "none", "--cls", files[1], "-o", tmp_path / "models")
    assert "model-not-found" in missing.output
