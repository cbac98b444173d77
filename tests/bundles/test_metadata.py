"""The bundles' metadata and configs hold to MONAI's schema and the zoo's rules."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from monai.bundle import ConfigParser, verify_metadata, verify_net_in_out

from nodulus.bundles import bundle_root, config_files

NAMES = ["segmentation", "nodule", "malignancy"]
ZOO_KEYS = ["bundle_root", "device", "network_def", "inferer", "output_dir", "dataset_dir"]


@pytest.mark.parametrize("name", NAMES)
def test_metadata_is_valid_and_describes_the_network(bundles, name):
    metadata = bundles / name / "configs" / "metadata.json"
    schema = bundles / "common" / "metadata.schema.json"
    verify_metadata(meta_file=str(metadata), filepath=str(schema))
    config = str(bundles / name / "configs" / "inference.json")
    verify_net_in_out("network_def", str(metadata), config, device="cpu", n=2)
    version = json.loads(metadata.read_text())
    assert version["version"] in version["changelog"]


def test_the_schema_refuses_what_lacks_a_field(bundles, tmp_path):
    metadata = json.loads((bundles / "nodule/configs/metadata.json").read_text())
    del metadata["network_data_format"]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    schema = bundles / "common" / "metadata.schema.json"
    with pytest.raises(ValueError, match="network_data_format"):
        verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=str(schema))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["evaluate", "inference", "train"])
def test_configs_have_the_zoo_keys(name, part):
    config = ConfigParser()
    config.read_config(config_files(name, part))
    assert [key for key in ZOO_KEYS if key not in config] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_the_network_is_and_sees_stands_in_one_file(bundles, name):
    files = {*(bundles / name / "configs").glob("*.json"), *(bundles / "common").rglob("*.json")}
    # Fine-tuning trains the other task's network, not the shipped one.
    files -= {path for path in files if path.name == "finetune_nodule.json"}
    for key in ("network_def", "spacing_mm", "window_hu", "bundle_root"):
        places = [path for path in files if key in json.loads(path.read_text())]
        assert places == [bundles / name / "configs" / "inference.json"]


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_of_a_config_leads_somewhere(bundles, name):
    others = {"metadata", "logging"}
    parts = {path.stem for path in (bundles / name / "configs").glob("*.json")} - others
    assert {"train", "evaluate", "inference"} <= parts
    for part in parts:
        config = ConfigParser()
        config.read_config(config_files(name, part))
        config.parse()
        resolver = config.ref_resolver
        for item in resolver.items.values():
            for reference in resolver.find_refs_in_config(item.get_config(), item.get_id()):
                assert reference in resolver.items, f"{part}: {item.get_id()}: {reference}"


def test_an_unknown_config_is_refused():
    with pytest.raises(ValueError, match="no config 'tune'"):
        config_files("nodule", "tune")


@pytest.mark.parametrize("name", NAMES)
def test_the_bundle_is_complete_and_its_card_is_honest(bundles, name):
    for file in ("LICENSE", "docs/README.md", "docs/data_license.txt", "configs/logging.conf"):
        assert (bundles / name / file).is_file()
    first = (bundles / name / "docs" / "README.md").read_text().splitlines()[0]
    assert "synthetic" in first


@pytest.mark.parametrize("name", NAMES)
def test_the_metrics_are_measured_ones(bundles, name):
    metrics = json.loads((bundles / name / "configs/metadata.json").read_text())["eval_metrics"]
    texts = [bundles / name / "docs/README.md", bundles.parent / "docs/figures.md"]
    published = set(re.findall(r"\d+\.\d+", " ".join(path.read_text() for path in texts)))
    assert metrics
    for value in metrics.values():
        percent = f"{100 * value:.0f} %"
        assert any(float(p) == value for p in published) or percent in texts[0].read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_required_packages_are_the_pinned_ones(bundles, name):
    metadata = json.loads((bundles / name / "configs/metadata.json").read_text())
    pins = (bundles.parent / "constraints.txt").read_text().lower().splitlines()
    for package, version in metadata["required_packages_version"].items():
        assert any(re.split(";", pin)[0] == f"{package.lower()}=={version}" for pin in pins)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["inference", "evaluate", "train"])
def test_a_config_finds_its_bundle_from_any_folder(bundles, name, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ConfigParser()
    config.read_config(config_files(name, part))
    assert config.get_parsed_content("bundle_root") == str(bundles / name)


def test_an_unknown_bundle_is_refused():
    with pytest.raises(ValueError, match="no bundle 'lungs'"):
        bundle_root("lungs")


def test_the_documented_lists_of_files_are_the_ones_that_the_tests_run(bundles):
    root = bundles.parent
    pages = [*bundles.glob("*/docs/README.md"), *(root / "docs").glob("*.md")]
    lists = re.findall(r"--config_file \"\[(.+?)\]\"", "\n".join(p.read_text() for p in pages))
    assert len(lists) > 10
    for text in lists:
        files = [part.strip("'").replace("$BUNDLES", "bundles") for part in text.split(",")]
        for name in NAMES if "$task" in text else [files[-1].split("/")[1]]:
            given = [str(root / file.replace("$task", name)) for file in files]
            assert given == config_files(name, Path(files[-1]).stem)
