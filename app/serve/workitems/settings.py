"""Settings of the worklist: configs/workitems.json."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydicom import Dataset

from nodulus.app.chain.settings import read_settings

WORKITEMS_FILE = "workitems.json"


class CodedEntry(BaseModel):
    """A code (PS3.3 8.8)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: str
    scheme: str
    meaning: str

    def dataset(self) -> Dataset:
        """As an item of a code sequence."""
        item = Dataset()
        item.CodeValue = self.value
        item.CodingSchemeDesignator = self.scheme
        item.CodeMeaning = self.meaning
        return item

    def is_item(self, item: Dataset) -> bool:
        """Whether an item of a code sequence is this code; the meaning is for people."""
        given = item.get("CodeValue"), item.get("CodingSchemeDesignator")
        return given == (self.value, self.scheme)


class WorkitemSettings(BaseModel):
    """What is performed here, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    performed: tuple[CodedEntry, ...] = Field(
        description="Scheduled Workitem Codes of which the service performs the workitems"
    )
    station: CodedEntry = Field(
        description="The service; workitems that are scheduled for other stations are theirs"
    )
    worklist_label: str = Field(description="Of workitems that come without one")
    claimed_at_once: int = Field(
        ge=1, description="Workitems whose study is on its way; of the others the urgent come first"
    )
    wait_for_images_s: float = Field(
        ge=0, description="For images that are not here and that no source has been named for"
    )
    max_workitem_bytes: int = Field(ge=1, description="Of a request")
    max_depth: int = Field(ge=1, description="Of sequences in sequences")
    progress_percent: dict[str, float] = Field(
        description="By step of the chain: share of the time that has gone by when it begins, as"
        " measured on one chest CT of 1 mm on two CPU cores"
    )


def workitem_settings(folder: Path | None = None) -> WorkitemSettings:
    """Read the settings.

    Args:
        folder: may hold another workitems.json; None for the shipped one.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    return read_settings(WORKITEMS_FILE, (folder,), WorkitemSettings.model_validate)
