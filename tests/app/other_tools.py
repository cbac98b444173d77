"""Files that other people's tools write: slicerio (3D Slicer), dcmqi, highdicom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import SimpleITK as sitk
import slicerio
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes

from nodulus.transforms.geometry import Geometry
from tests.app.results.others import dcmqi

NODULE_TAGS = (
    "TerminologyEntry:Segmentation category and type - DICOM master list"
    "~SCT^49755003^Morphologically Altered Structure~SCT^27925004^Nodule~^^"
    "~Anatomic codes - DICOM master list~SCT^39607008^Lung~^^|"
)
_NODULE = {"CodeValue": "M-03010", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Nodule"}
_LUNG = {"CodeValue": "T-28000", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Lung"}


def write_slicer_segmentation(
    path: Path,
    geometry: Geometry,
    masks: Mapping[str, NDArray[np.bool_]],
    tags: str = "",
) -> Path:
    """A ``.seg.nrrd`` by slicerio; masks are (I, R, C), those that overlap get layers."""
    ijk_to_lps = geometry.affine_lps[:, [2, 1, 0, 3]]
    segmentation = slicerio.create_segmentation(geometry.shape_irc[::-1], ijk_to_lps)
    for name, mask in masks.items():
        more = {"tags": {"TerminologyEntry": tags[17:-1]}} if tags else {}
        slicerio.add_segment(segmentation, mask.transpose(2, 1, 0), {"name": name, **more})
    slicerio.write_segmentation(str(path), segmentation)
    return path


def write_dcmqi_seg(
    path: Path, images: Path, geometry: Geometry, masks: Sequence[NDArray[np.bool_]]
) -> Path:
    """A DICOM SEG of dcmqi's itkimage2segimage, one segment a mask on the images' grid."""
    work = path.parent
    names = []
    for number, mask in enumerate(masks, start=1):
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        affine = geometry.affine_lps
        image.SetOrigin(affine[:3, 3].tolist())
        image.SetSpacing(list(geometry.spacing_irc_mm)[::-1])
        image.SetDirection(geometry.direction_irc[:, ::-1].ravel().tolist())
        names.append(str(work / f"segment{number}.nrrd"))
        sitk.WriteImage(image, names[-1])
    segment = {
        "labelID": 1,
        "SegmentedPropertyCategoryCodeSequence": {
            "CodeValue": "M-01000",
            "CodingSchemeDesignator": "SRT",
            "CodeMeaning": "Morphologically Altered Structure",
        },
        "SegmentedPropertyTypeCodeSequence": _NODULE,
        "SegmentAlgorithmType": "SEMIAUTOMATIC",
        "SegmentAlgorithmName": "Editor",
        "recommendedDisplayRGBValue": [221, 130, 101],
    }
    meta = work / "seg.json"
    meta.write_text(
        json.dumps(
            {
                "ContentCreatorName": "Reader",
                "SeriesDescription": "Segmentation",
                "SeriesNumber": "300",
                "InstanceNumber": "1",
                "BodyPartExamined": "CHEST",
                "segmentAttributes": [
                    [{**segment, "SegmentLabel": f"Nodule {n}"}] for n in range(1, len(masks) + 1)
                ],
            }
        )
    )
    dcmqi(
        "itkimage2segimage", "--inputImageList", ",".join(names), "--inputDICOMDirectory",
        str(images), "--outputDICOM", str(path), "--inputMetadata", str(meta), "--skip", "1",
    )  # fmt: skip
    return path


def write_dcmqi_report(path: Path, images: Path, seg: Path, volumes_mm3: Sequence[float]) -> Path:
    """A DICOM SR of dcmqi's tid1500writer: the volume of each segment of its SEG."""
    header = dcmread(seg, stop_before_pixels=True)
    files = sorted(images.iterdir())
    first = dcmread(files[0], stop_before_pixels=True)
    groups = [
        {
            "TrackingIdentifier": f"Nodule {number}",
            "ReferencedSegment": number,
            "SourceSeriesForImageSegmentation": str(first.SeriesInstanceUID),
            "segmentationSOPInstanceUID": str(header.SOPInstanceUID),
            "Finding": _NODULE,
            "FindingSite": _LUNG,
            "measurementItems": [
                {
                    "value": f"{volume:.4f}",
                    "quantity": {
                        "CodeValue": "G-D705",
                        "CodingSchemeDesignator": "SRT",
                        "CodeMeaning": "Volume",
                    },
                    "units": {
                        "CodeValue": "mm3",
                        "CodingSchemeDesignator": "UCUM",
                        "CodeMeaning": "cubic millimeter",
                    },
                }
            ],
        }
        for number, volume in enumerate(volumes_mm3, start=1)
    ]
    meta = path.parent / "sr.json"
    meta.write_text(
        json.dumps(
            {
                "SeriesDescription": "Measurements",
                "SeriesNumber": "1001",
                "InstanceNumber": "1",
                "compositeContext": [seg.name],
                "imageLibrary": [file.name for file in files],
                "observerContext": {"ObserverType": "PERSON", "PersonObserverName": "Reader1"},
                "VerificationFlag": "UNVERIFIED",
                "CompletionFlag": "COMPLETE",
                "activitySession": "1",
                "timePoint": "1",
                "Measurements": groups,
            }
        )
    )
    dcmqi(
        "tid1500writer", "--inputImageLibraryDirectory", str(images),
        "--inputCompositeContextDirectory", str(seg.parent), "--inputMetadata", str(meta),
        "--outputDICOM", str(path),
    )  # fmt: skip
    return path


def write_highdicom_report(path: Path, images: Sequence[Path], regions: Sequence[Any]) -> Path:
    """A DICOM SR of highdicom: one planar measurement group a region, of a nodule of 7.5 mm."""
    sources = [with_patient(dcmread(file)) for file in images]
    groups = [
        hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=hd.sr.TrackingIdentifier(
                uid=hd.UID(), identifier=f"Nodule {number}"
            ),
            referenced_region=region,
            finding_type=codes.SCT.Nodule,
            measurements=[
                hd.sr.Measurement(name=codes.SCT.Diameter, value=7.5, unit=codes.UCUM.Millimeter)
            ],
        )
        for number, region in enumerate(regions, start=1)
    ]
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(
            observer_device_context=hd.sr.ObserverContext(
                observer_type=codes.DCM.Device,
                observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                    uid=hd.UID(), name="workstation of others"
                ),
            )
        ),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
    )
    hd.sr.Comprehensive3DSR(
        evidence=sources,
        content=content,
        series_number=100,
        series_instance_uid=hd.UID(),
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="others",
    ).save_as(path)
    return path


def with_patient(image: Dataset) -> Dataset:
    """Add the attributes of patient and study that writers of objects copy from an image."""
    needed = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber",
              "StudyDate", "StudyTime", "StudyID", "ReferringPhysicianName")  # fmt: skip
    for keyword in needed:
        if keyword not in image:
            setattr(image, keyword, None)
    return image
