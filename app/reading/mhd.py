"""MetaImage headers, and whether the data that they name is all there.

ITK reads a compressed data file that is cut off, or damaged, without a word where the header
does not give its length; so the data is looked at here first.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import SimpleITK

from nodulus.transforms.geometry import Geometry

_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4,
    "MET_LONG": 4, "MET_ULONG": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}  # fmt: skip
_CHUNK = 2**20
_HEADER_BYTES = 2**16


@dataclass(frozen=True, eq=False)
class MhdHeader:
    """What an mhd file says.

    Args:
        path: the header.
        data: the file with the voxels; the header itself in an mha file.
        data_start: where in that file they begin, bytes.
        states_length: whether the header says how long compressed data are.
        geometry: shape and place.
        data_bytes: size of the voxels, uncompressed.
        is_compressed: whether the data file is zlib's.
    """

    path: Path
    data: Path
    geometry: Geometry
    data_bytes: int
    is_compressed: bool
    data_start: int = 0
    states_length: bool = True

    def check_size(self) -> None:
        """Look at the data file without reading it.

        Raises:
            FileNotFoundError: it is missing.
            ValueError: it is too short; compressed data must be read to know
                (:meth:`check_content`).
        """
        if not self.data.is_file():
            raise FileNotFoundError(f"{self.data.name}, which {self.path.name} names, is missing")
        size = max(0, self.data.stat().st_size - self.data_start)
        if size == 0 or (size < self.data_bytes and not self.is_compressed):
            raise ValueError(
                f"{self.data.name} is cut off: {size:,} of {self.data_bytes:,} bytes are there"
            )

    def check_content(self) -> None:
        """Decompress a compressed data file, without keeping anything of it.

        Raises:
            ValueError: it is damaged or too short.
        """
        if not self.is_compressed:
            return
        unzip, size = zlib.decompressobj(wbits=47), 0  # zlib's or gzip's header, as MetaIO takes
        try:
            with self.data.open("rb") as file:
                file.seek(self.data_start)
                while chunk := file.read(_CHUNK):
                    size += len(unzip.decompress(chunk))
        except zlib.error as error:
            raise ValueError(f"{self.data.name} is damaged: {error}") from error
        if not unzip.eof or size < self.data_bytes:
            raise ValueError(
                f"{self.data.name} is cut off: it holds {size:,} of {self.data_bytes:,} bytes"
            )


def read_mhd_header(path: Path) -> MhdHeader:
    """Read the header of a 3D image with its data in one file beside it, or behind it.

    Raises:
        ValueError: it is no such header; names what is wrong.
    """
    with path.open("rb") as file:
        head, start = _header_lines(file.read(_HEADER_BYTES))
    pairs = [line.partition("=") for line in head.decode("latin-1").splitlines()]
    entries = {key.strip(): value.strip() for key, _, value in pairs}
    name, kind = entries.get("ElementDataFile", ""), entries.get("ElementType", "")
    if not name or name.startswith("LIST") or " " in name or kind not in _BYTES:
        raise ValueError("the header does not name one data file and a known ElementType")
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise ValueError("SimpleITK cannot read the header") from error
    size = reader.GetSize()
    if len(size) != 3 or reader.GetNumberOfComponents() != 1:
        raise ValueError(f"it has the shape {' x '.join(map(str, size))}, not one 3D volume")
    return MhdHeader(
        path=path,
        data=path if name == "LOCAL" else path.parent / name,
        geometry=Geometry.from_itk(
            size, reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection()
        ),
        data_bytes=prod(size) * _BYTES[kind],
        is_compressed=entries.get("CompressedData", "False").lower() == "true",
        data_start=start if name == "LOCAL" else 0,
        states_length="CompressedDataSize" in entries,
    )


def _header_lines(start: bytes) -> tuple[bytes, int]:
    """The header, whose last line is ElementDataFile, and its length."""
    last = re.search(rb"^ElementDataFile[^\n]*\n?", start, flags=re.MULTILINE)
    end = len(start) if last is None else last.end()
    return start[:end], end
