"""Transfer syntaxes (DICOM PS3.5, annex A) and multi-frame images."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pydicom.uid import JPEG2000 as JPEG2000_LOSSY

from tests.input_matrix.registry import variant
from tests.input_matrix.source import Source, new_uid, write

for _name, _syntax in (
    ("implicit-little-endian", ImplicitVRLittleEndian),
    ("explicit-little-endian", ExplicitVRLittleEndian),
    ("deflated", DeflatedExplicitVRLittleEndian),
):

    @variant(_name)
    def _plain(source: Source, folder: Path, syntax: str = _syntax) -> None:
        write(source.copies(), folder, syntax=syntax)


@variant("explicit-big-endian")
def _big_endian(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        # pydicom writes the bytes of OW as they are.
        image.PixelData = np.frombuffer(image.PixelData, "<u2").astype(">u2").tobytes()
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRBigEndian
        meta.MediaStorageSOPClassUID = image.SOPClassUID
        meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        bare = Dataset({element.tag: element for element in image})
        bare.file_meta = meta
        path = folder / f"{image.InstanceNumber:04d}.dcm"
        bare.save_as(path, implicit_vr=False, little_endian=False, enforce_file_format=True)


for _name, _syntax, _options in (
    ("rle", RLELossless, {}),
    ("jpeg-ls", JPEGLSLossless, {}),
    ("jpeg-ls-near-lossless", JPEGLSNearLossless, {"jls_error": 2}),
    ("jpeg-2000", JPEG2000Lossless, {}),
    ("jpeg-2000-lossy", JPEG2000_LOSSY, {"j2k_psnr": [80]}),
):

    @variant(_name)
    def _compressed(
        source: Source,
        folder: Path,
        syntax: str = _syntax,
        options: dict[str, Any] = _options,
    ) -> None:
        images = source.copies()
        for image in images:
            image.compress(syntax, generate_instance_uid=False, **options)
        write(images, folder, syntax=syntax)


for _name, _process, _syntax in (
    ("jpeg-lossless-sv1", "JPEGLosslessProcess14_1", JPEGLosslessSV1),
    ("jpeg-lossless", "JPEGLosslessProcess14", "1.2.840.10008.1.2.4.57"),
):

    @variant(_name)
    def _jpeg_lossless(source: Source, folder: Path, process: str = _process) -> None:
        import gdcm

        for path in write(source.copies(), folder):
            reader = gdcm.ImageReader()
            reader.SetFileName(str(path))
            change = gdcm.ImageChangeTransferSyntax()
            change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, process)))
            if not reader.Read():
                raise ValueError(f"gdcm does not read {path.name}")
            change.SetInput(reader.GetImage())
            writer = gdcm.ImageWriter()
            writer.SetFileName(str(path))
            writer.SetFile(reader.GetFile())
            if not change.Change():
                raise ValueError(f"gdcm does not compress {path.name}")
            writer.SetImage(change.GetOutput())
            if not writer.Write():
                raise ValueError(f"gdcm does not write {path.name}")


for _name, _syntax, _level in (("htj2k", HTJ2KLossless, 0), ("htj2k-lossy", HTJ2K, 0.0001)):

    @variant(_name)
    def _high_throughput(
        source: Source, folder: Path, syntax: str = _syntax, level: float = _level
    ) -> None:
        codec = importlib.import_module("imagecodecs")
        images = source.copies()
        for image in images:
            stream = codec.htj2k_encode(
                image.pixel_array, level=level or None, reversible=not level
            )
            image.PixelData = encapsulate([stream])
            image["PixelData"].VR = "OB"
            image["PixelData"].is_undefined_length = True
        write(images, folder, syntax=syntax)


@variant("enhanced-ct")
def _enhanced(source: Source, folder: Path) -> None:
    write([enhanced(source, per_frame=False)], folder)


@variant("enhanced-ct-per-frame")
def _enhanced_per_frame(source: Source, folder: Path) -> None:
    write([enhanced(source, per_frame=True)], folder)


@variant("enhanced-ct-compressed")
def _enhanced_compressed(source: Source, folder: Path) -> None:
    image = enhanced(source, per_frame=False)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.compress(JPEGLSLossless, generate_instance_uid=False)
    write([image], folder, syntax=JPEGLSLossless)


@variant("legacy-converted-enhanced-ct")
def _legacy_converted(source: Source, folder: Path) -> None:
    images = source.copies()
    for image in images:
        image.setdefault("StudyID", "")
        for keyword in ("AccessionNumber", "StudyDate", "StudyTime", "PatientSex"):
            if keyword not in image:
                setattr(image, keyword, "")
        if "PatientBirthDate" not in image:
            image.PatientBirthDate = ""
    first = images[0]
    converted = LegacyConvertedEnhancedCTImage(
        images,
        series_instance_uid=new_uid(first.SeriesInstanceUID, "legacy"),
        series_number=1,
        sop_instance_uid=new_uid(first.SeriesInstanceUID, "legacy", "image"),
        instance_number=1,
    )
    write([converted], folder)


def enhanced(source: Source, *, per_frame: bool) -> Dataset:
    """One Enhanced CT image of the whole series, its functional groups shared or per frame."""
    first = source.copies()[0]
    image = Dataset()
    for element in first:
        if element.keyword not in _IN_GROUPS:
            image.add(element)
    image.SOPClassUID = EnhancedCTImageStorage
    image.SOPInstanceUID = new_uid(first.SeriesInstanceUID, "enhanced")
    image.NumberOfFrames = len(source.images)
    image.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    shared, frames = Dataset(), []
    for slice_image in source.images:
        frame = Dataset()
        groups = frame if per_frame else shared
        frame.PlanePositionSequence = [_pick(slice_image, "ImagePositionPatient")]
        frame.PixelValueTransformationSequence = [
            _pick(slice_image, "RescaleSlope", "RescaleIntercept")
        ]
        frame.PixelValueTransformationSequence[0].RescaleType = "HU"
        groups.PlaneOrientationSequence = [_pick(slice_image, "ImageOrientationPatient")]
        groups.PixelMeasuresSequence = [_pick(slice_image, "PixelSpacing", "SliceThickness")]
        groups.CTReconstructionSequence = [_pick(slice_image, "ConvolutionKernel")]
        frames.append(frame)
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = frames
    image.PixelData = b"".join(slice_image.PixelData for slice_image in source.images)
    image["PixelData"].VR = "OW"
    return image


_IN_GROUPS = frozenset(
    {
        "ConvolutionKernel",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "PixelSpacing",
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "SliceLocation",
        "SliceThickness",
    }
)


def _pick(image: Dataset, *keywords: str) -> Dataset:
    item = Dataset()
    for keyword in keywords:
        if keyword in image:
            item.add(image[keyword])
    return item
