"""What nnU-Net's ``dataset.json`` says of a folder.

Format: nnU-Net v2's documentation, 'nnU-Net dataset format'.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.structures import Structure, choose_structures
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.files import RESEARCH_SUFFIXES

DATASET_FILE = "dataset.json"
IMAGES, LABELS = "imagesTr", "labelsTr"
BACKGROUND, IGNORE = "background", "ignore"
_CHANNEL = "_{:04d}"


@dataclass(frozen=True)
class NnunetDataset:
    """A ``dataset.json``.

    Args:
        path: the file.
        channels: name of each channel, by its number.
        labels: values of each label but the background and what is to be ignored; several where
            they are regions.
        ignored: the value that nobody has labelled; None where there is none.
        file_ending: of all images and labels.
    """

    path: Path
    channels: Mapping[int, str]
    labels: Mapping[str, frozenset[int]]
    ignored: int | None
    file_ending: str

    def image_of(self, case: str, channel: int) -> str:
        """The file name of a channel of a case."""
        return f"{case}{_CHANNEL.format(channel)}{self.file_ending}"

    def case_of(self, image: str) -> str:
        """The case of an image by its name, with or without ending and channel."""
        name = image.removesuffix(self.file_ending)
        start, _, number = name.rpartition("_")
        return start if start and len(number) == 4 and number.isdecimal() else name

    def ct_channel(self) -> int:
        """The number of the channel that is called CT, else of the only one.

        Raises:
            NodulusError: ``input-refused``: there are several, and none is called so.
        """
        named = [n for n, name in self.channels.items() if name.strip().lower() == "ct"]
        if len(named) == 1 or len(self.channels) == 1:
            return next(iter(named or self.channels))
        raise NodulusError(
            ErrorCode.INPUT_REFUSED,
            f"It has the channels {', '.join(self.channels.values())}, and not one that is called"
            " CT.",
            remedy="Call the channel with Hounsfield units CT in channel_names.",
            subject=self.path,
        )

    def nodule_values(self, patterns: tuple[str, ...] = ()) -> frozenset[int]:
        """The values of the labels that are nodules; of the only label, whatever it is called.

        Args:
            patterns: names of the wanted labels (see :func:`structures.choose_structures`).

        Raises:
            MaskError: none is wanted; names all there are.
        """
        if len(self.labels) == 1 and not patterns:
            return next(iter(self.labels.values()))
        known = [Structure(n, name, "", None) for n, name in enumerate(self.labels)]
        chosen = choose_structures(known, patterns, self.path)
        return frozenset().union(*(self.labels[structure.name] for structure in chosen))


def read_dataset_json(folder: Path) -> NnunetDataset:
    """Read the ``dataset.json`` of a data folder, or of a folder of predictions.

    Raises:
        NodulusError: ``input-not-found`` or ``input-not-readable``.
    """
    path = folder / DATASET_FILE
    if not path.is_file():
        raise NodulusError(
            ErrorCode.INPUT_NOT_FOUND,
            f"There is no {DATASET_FILE}.",
            remedy="Give a data folder of nnU-Net (Dataset###_Name), or one of its predictions.",
            subject=folder,
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        labels = {str(name): _values(value) for name, value in content["labels"].items()}
        channels = {int(number): str(name) for number, name in content["channel_names"].items()}
        ending = str(content["file_ending"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else f"{error}"
        raise _refused(path, f"It is no dataset.json of nnU-Net v2: {what}.") from error
    if ending.lower() not in RESEARCH_SUFFIXES:
        raise _refused(path, f"Its images end in {ending!r}, which is no format of CT volumes.")
    ignored = labels.pop(IGNORE, None)
    return NnunetDataset(
        path,
        channels,
        {name: values for name, values in labels.items() if values != {0}},
        None if ignored is None else next(iter(ignored)),
        ending,
    )


def _values(value: object) -> frozenset[int]:
    """A label's value, or the values of a region."""
    if isinstance(value, list):
        return frozenset(int(one) for one in value)
    return frozenset({int(str(value))})


def _refused(path: Path, message: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        message,
        remedy="Write it with nnU-Net v2's generate_dataset_json; v1's tasks have to be converted.",
        subject=path,
    )


def not_chosen(error: MaskError) -> NodulusError:
    """The error of a user who has to name the label that is a nodule."""
    return NodulusError(
        ErrorCode.INPUT_REFUSED,
        f"{error.message}.",
        remedy="Say which label is one: --structure NAME.",
        subject=error.path,
    )
