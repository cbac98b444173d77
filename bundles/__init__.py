"""The three MONAI bundles and what they share."""

from __future__ import annotations

from pathlib import Path

_ON_TOP_OF_TRAINING = ("insert_nodules", "finetune_real", "finetune_nodule", "rated_slices")


def bundle_root(name: str) -> str:
    """Where a bundle lies, in a checkout or in an installed copy.

    The bundles' configs ask for it, so that they run from any folder.

    Args:
        name: ``segmentation``, ``nodule`` or ``malignancy``.

    Raises:
        ValueError: there is no such bundle.
    """
    folder = Path(__file__).resolve().parent / name
    if not (folder / "configs" / "metadata.json").is_file():
        raise ValueError(f"there is no bundle {name!r} in {folder.parent}")
    return str(folder)


def config_files(name: str, config: str) -> list[str]:
    """The files of a bundle's config in the order in which MONAI merges them.

    What the network is and sees stands in ``inference.json`` alone; training and evaluation lay
    what the bundles have in common over it, and what is the bundle's own over that.

    Args:
        name: ``segmentation``, ``nodule`` or ``malignancy``.
        config: ``inference``, ``train``, ``evaluate`` or another file of the bundle's configs.

    Returns:
        Paths for ``--config_file`` of ``python -m monai.bundle``.

    Raises:
        ValueError: there is no such bundle, or it has no such config.
    """
    own, common = Path(bundle_root(name)) / "configs", Path(__file__).resolve().parent / "common"
    files = [own / "inference.json"]
    if config in ("train", *_ON_TOP_OF_TRAINING):
        files += [common / "configs" / "train.json", own / "train.json"]
    elif config == "evaluate":
        files += [common / "configs" / "evaluate.json"]
    if own / f"{config}.json" not in files:
        files.append(own / f"{config}.json")
    if not files[-1].is_file():
        raise ValueError(f"the bundle {name!r} has no config {config!r}")
    return [str(path) for path in files]
