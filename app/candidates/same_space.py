"""Whether marks lie in the space of a scan."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pydicom import dcmread

from nodulus.app.candidates.problems import invalid
from nodulus.app.volume import CtVolume, VolumeWarning


def check_same_space(
    volume: CtVolume,
    name: str,
    path: Path,
    frame_of_reference_uid: str | None,
    series_uids: Collection[str],
) -> list[VolumeWarning]:
    """Refuse marks of another frame of reference; warn of those of another series.

    Args:
        volume: the scan.
        name: of the source.
        path: of its file.
        frame_of_reference_uid: in which it lies; None where it does not say.
        series_uids: the series that it was made on; empty where it does not say.

    Raises:
        NodulusError: ``candidates-invalid``.
    """
    if not volume.source_images:
        text = "the scan is no DICOM, so that nothing tells whether they are of it"
    else:
        header = dcmread(
            volume.source_images[0].path,
            specific_tags=["FrameOfReferenceUID"],
            stop_before_pixels=True,
        )
        own = str(header.get("FrameOfReferenceUID") or "")
        if own and frame_of_reference_uid and own != frame_of_reference_uid:
            raise invalid(
                path,
                "It lies in another frame of reference than the scan, so that its coordinates"
                " are not the scan's.",
                f"Give the candidates of series {volume.series_uid}, or register them first.",
            )
        if not series_uids or volume.series_uid in series_uids:
            return []
        text = "they were made on another series of the study; its coordinates are used"
    return [VolumeWarning("candidates-of-another-series", f"The candidates {name!r}: {text}.")]
