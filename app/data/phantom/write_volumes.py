"""A study as LUNA16's mhd/raw, and its labels as NIfTI."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nodulus.app.data.phantom.phantom_study import PhantomStudy
from nodulus.bundles.common.atomic_files import atomic_write

SUBSETS = 10


def mhd_path(root: Path, study: PhantomStudy) -> Path:
    """Where the header goes; studies are dealt to ten subsets by their index."""
    who = study.identity
    return root / "luna16" / f"subset{who.index % SUBSETS}" / f"{who.series_uid}.mhd"


def write_mhd(root: Path, study: PhantomStudy) -> Path:
    """Write int16 HU as LUNA16 does: header and raw file side by side, LPS."""
    path = mhd_path(root, study)
    path.parent.mkdir(parents=True, exist_ok=True)
    geometry = study.geometry
    step, between_rows, between_columns = (round(s, 6) for s in geometry.spacing_irc_mm)
    origin = np.round(geometry.affine_lps[:3, 3], 6) + 0.0
    axes = geometry.direction_irc[:, ::-1].T + 0.0
    slices, rows, columns = geometry.shape_irc
    raw = path.with_suffix(".raw")
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": " ".join(f"{v:.10g}" for v in axes.ravel()),
        "Offset": " ".join(f"{v:.10g}" for v in origin),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": "RAI",
        "ElementSpacing": f"{between_columns:.10g} {between_rows:.10g} {step:.10g}",
        "DimSize": f"{columns} {rows} {slices}",
        "ElementType": "MET_SHORT",
        "ElementDataFile": raw.name,
    }
    _replace(raw, study.hu.astype("<i2", copy=False).tobytes())
    _replace(path, "".join(f"{k} = {v}\n" for k, v in lines.items()).encode())
    return path


def mask_path(root: Path, study: PhantomStudy) -> Path:
    """Where the labels go."""
    return root / "masks" / f"{study.identity.series_uid}.nii.gz"


def write_mask(root: Path, study: PhantomStudy) -> Path:
    """Write the labels, axes (x, y, z), with the affine to RAS mm."""
    import nibabel as nib

    path = mask_path(root, study)
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = study.geometry.affine_ras[:, [2, 1, 0, 3]]
    image = nib.Nifti1Image(study.labels.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    beside = path.with_name(f".{path.name.removesuffix('.nii.gz')}.part.nii.gz")
    nib.save(image, beside)
    beside.replace(path)
    return path


def _replace(path: Path, content: bytes) -> None:
    with atomic_write(path) as part:
        part.write_bytes(content)
