"""Candidates of other tools as files, on the synthetic chest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes

from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from tests.app.other_tools import with_patient

FAINT_LPS = (62.0, -40.0, 35.0)
FAINT_RADIUS = 6.0
EVEN_LPS = (65.0, -80.0, -20.0)


def with_faint_ball(volume: CtVolume) -> CtVolume:
    """The chest with a ball so faint that its segmentation sees nothing of it.

    And with a place where all voxels are alike, so that nothing can be outlined.
    """
    hu = volume.hu.copy()
    hu[ball(volume.geometry, EVEN_LPS, 16.0)] = -850
    hu[ball(volume.geometry, FAINT_LPS, FAINT_RADIUS)] = -600
    return CtVolume(hu, volume.geometry, volume.series_uid, volume.study_uid, "mhd")


def around_the_nodules(volume: CtVolume) -> CtVolume:
    """The part of the chest that holds both nodules: files of it are small and quick."""
    box = (slice(40, 72), slice(60, 104), slice(60, 150))
    hu = np.ascontiguousarray(volume.hu[box])
    geometry = volume.geometry.cropped([b.start for b in box], hu.shape)
    return CtVolume(hu, geometry, volume.series_uid, volume.study_uid, "mhd")


def ball(geometry: Geometry, center_lps_mm: Sequence[float], radius_mm: float) -> np.ndarray:
    """The voxels of a ball, shape of the geometry."""
    index = np.moveaxis(np.indices(geometry.shape_irc), 0, -1)
    away = geometry.index_to_lps(index) - np.asarray(center_lps_mm)
    return np.linalg.norm(away, axis=-1) <= radius_mm


def write_table(path: Path, rows: Sequence[Sequence[object]], probability: bool = True) -> Path:
    """A table in LUNA16's form."""
    names = ["seriesuid", "coordX", "coordY", "coordZ", *(["probability"] if probability else [])]
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")
    return path


def write_nifti(
    path: Path, labels: np.ndarray, geometry: Geometry, names: dict[int, str] | None = None
) -> Path:
    """A label image, with TotalSegmentator's names of its labels where they are given."""
    kji = np.eye(4)
    kji[:3, :3] = geometry.affine_lps[:3, 2::-1]
    kji[:3, 3] = geometry.affine_lps[:3, 3]
    image = nibabel.Nifti1Image(labels.transpose(2, 1, 0), LPS_TO_RAS @ kji)
    if names:
        rows = "".join(
            f'<Label Key="{key}" Red="0" Green="0" Blue="0" Alpha="255"><![CDATA[{name}]]></Label>'
            for key, name in names.items()
        )
        text = f"<CaretExtension><VolumeInformation><LabelTable>{rows}</LabelTable>"
        content = (text + "</VolumeInformation></CaretExtension>").encode()
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, content))
    nibabel.save(image, path)
    return path


def write_seg(
    path: Path,
    images: Sequence[Path],
    masks: dict[str, np.ndarray],
    algorithm: str = "a network of others",
    edit: object = None,
) -> Path:
    """A DICOM SEG with a segment a name; masks have the images' shape, slices as they are sorted.

    A segment called nodule gets the code of one, others that of a lung.
    """
    sources = sorted(
        (with_patient(dcmread(p)) for p in images), key=lambda d: float(d.ImagePositionPatient[2])
    )
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Nodule if "nodule" in name else codes.SCT.Lung,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=hd.AlgorithmIdentificationSequence(
                name=algorithm, family=codes.DCM.ArtificialIntelligence, version="1"
            ),
        )
        for number, name in enumerate(masks, start=1)
    ]
    seg = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=np.stack(list(masks.values()), axis=-1).astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=hd.UID(),
        series_number=99,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="others",
        manufacturer_model_name="others",
        software_versions="1",
        device_serial_number="1",
    )
    dataset: Dataset = seg
    if callable(edit):
        edit(dataset)
    dataset.save_as(path)
    return path
