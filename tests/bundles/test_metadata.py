from __future__ import annotations

import json

import pytest
from monai.bundle import ConfigParser, verify_metadata, verify_net_in_out

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
@pytest.mark.parametrize("part", ["evaluate", "inference"])
def test_configs_have_the_zoo_keys_and_the_network_that_was_trained(bundles, name, part):
    parsers = []
    for file in ("train", part):
        config = ConfigParser()
        config.read_config(str(bundles / name / "configs" / f"{file}.json"))
        parsers.append(config)
    train, other = parsers
    assert [key for key in ZOO_KEYS if key not in other] == []
    for key in ("network_def", "spacing_mm", "window_hu"):
        assert other[key] == train[key]


@pytest.mark.parametrize("name", NAMES)
def test_the_bundle_is_complete_and_its_card_is_honest(bundles, name):
    for file in ("LICENSE", "docs/README.md", "configs/logging.conf"):
        assert (bundles / name / file).is_file()
    first = (bundles / name / "docs" / "README.md").read_text().splitlines()[0]
    assert "synthetic" in first
