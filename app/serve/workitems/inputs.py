"""What a workitem asks to be analysed, and where that can be had (PS3.3 Table 10-3b)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.uids import is_uid


@dataclass(frozen=True)
class Input:
    """A series, or what is named of it.

    Args:
        series_uid: SeriesInstanceUID; empty where it is not said.
        instance_uids: SOPInstanceUIDs; empty for all.
        urls: by WADO-RS.
    """

    series_uid: str
    instance_uids: tuple[str, ...]
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """The study that is to be analysed, and what of it.

    Args:
        study_uid: StudyInstanceUID.
        parts: series of it; empty for the study as a whole.
    """

    study_uid: str
    parts: tuple[Input, ...]

    @property
    def instance_uids(self) -> list[str]:
        """SOPInstanceUIDs that are named."""
        return [uid for part in self.parts for uid in part.instance_uids]

    def paths(self) -> Iterator[str]:
        """Give the parts' addresses below those of a DICOMweb server."""
        study = f"studies/{self.study_uid}"
        series = [part.series_uid for part in self.parts]
        if not series or not all(series):
            yield study
        else:
            yield from (f"{study}/series/{uid}" for uid in dict.fromkeys(series))


def inputs_of(dataset: Dataset) -> Inputs:
    """Read the inputs of a workitem; those of other studies, such as priors, are left out.

    Args:
        dataset: of the workitem.

    Raises:
        NodulusError: ``workitem-refused``: it names no study, or does not say which of several.
    """
    items = dataset.get("InputInformationSequence") or ()
    named = sorted({str(item.get("StudyInstanceUID") or "") for item in items} - {""})
    study = str(dataset.get("StudyInstanceUID") or "")
    if named and study not in named:
        study = named[0] if len(named) == 1 else ""
    if not study:
        raise NodulusError(
            ErrorCode.WORKITEM_REFUSED,
            f"It names {len(named)} studies in its inputs, and none of them as its own.",
            remedy="Give the Study Instance UID (0020,000D) of the study to be analysed.",
        )
    if not is_uid(study):
        raise NodulusError(
            ErrorCode.WORKITEM_REFUSED,
            "The Study Instance UID of its input is none.",
            remedy="Make a new workitem with the UID as it stands in the images.",
        )
    return Inputs(study, tuple(_input(i) for i in items if i.get("StudyInstanceUID") == study))


def _input(item: Dataset) -> Input:
    series = str(item.get("SeriesInstanceUID") or "")
    uids = (
        str(one.get("ReferencedSOPInstanceUID") or "")
        for one in item.get("ReferencedSOPSequence") or ()
    )
    return Input(
        series if is_uid(series) else "",
        tuple(uid for uid in uids if is_uid(uid)),
        tuple(_urls(item.get("WADORSRetrievalSequence") or ())),
    )


def _urls(retrievals: Sequence[Dataset]) -> Iterator[str]:
    for one in retrievals:
        url = str(one.get("RetrieveURL") or "")
        if url:
            yield url
