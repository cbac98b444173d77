"""What ImageType says, in the words of makers."""

from __future__ import annotations

import pytest

from nodulus.app.reading.image_types import ImageKind, image_kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ORIGINAL\\PRIMARY\\AXIAL", None),
        ("ORIGINAL\\PRIMARY\\AXIAL\\HELIX", None),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI", None),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SEQ", None),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM7 SPI DUAL", None),
        ("ORIGINAL\\PRIMARY\\VOLUME\\NONE", None),
        ("DERIVED\\PRIMARY\\AXIAL\\CT_SOM5 MPR", None),
        ("DERIVED\\PRIMARY\\LOCALIZER\\CT_SOM5 MPR", None),
        ("DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE", None),
        ("DERIVED\\SECONDARY\\AXIAL\\LOW_DOSE", None),
        ("", None),
        ("ORIGINAL\\PRIMARY\\LOCALIZER", ImageKind.LOCALIZER),
        ("ORIGINAL\\PRIMARY\\LOCALIZER\\CT_SOM5 TOP", ImageKind.LOCALIZER),
        ("ORIGINAL\\PRIMARY\\SCANOGRAM", ImageKind.LOCALIZER),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 MON", ImageKind.MONITORING),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM8 MON", ImageKind.MONITORING),
        ("DERIVED\\PRIMARY\\AXIAL\\CT_SOM5 MIP", ImageKind.PROJECTION),
        ("DERIVED\\PRIMARY\\LOCALIZER\\CT_SOM5 MPR MIP", ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\REFORMATTED\\MIP", ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\MINIP", ImageKind.PROJECTION),
        ("DERIVED\\PRIMARY\\AXIAL\\MIP10", ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\AXIAL\\CT_SOM7 MIP THICK", ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\AXIAL\\MAXIP", ImageKind.PROJECTION),
        ("DERIVED\\PRIMARY\\VOLUME\\MAX_IP", ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\PROJECTION IMAGE\\VOLREN", ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\MPR THICK", ImageKind.SLAB),
        ("DERIVED\\SECONDARY\\MPR_THICK", ImageKind.SLAB),
        ("DERIVED\\PRIMARY\\AXIAL\\CT_SOM8 DEOC", ImageKind.MAP),
        ("DERIVED\\PRIMARY\\AXIAL\\Z_EFF", ImageKind.MAP),
        ("DERIVED\\SECONDARY\\SCREEN SAVE", ImageKind.PICTURE),
        ("DERIVED\\SECONDARY\\OTHER\\CT_SOM5 PROT", ImageKind.PICTURE),
        ("DERIVED\\SECONDARY\\DOSE_INFO", ImageKind.PICTURE),
        ("DERIVED\\SECONDARY\\DOSE", ImageKind.PICTURE),
    ],
)
def test_kind(value: str, kind: ImageKind | None) -> None:
    found = image_kind(tuple(value.split("\\")) if value else ())
    assert (None if found is None else found[0]) is kind
    if found is not None:
        assert found[1] in value


@pytest.mark.parametrize(
    ("value", "descriptions", "kind"),
    [
        ("DERIVED\\PRIMARY\\AXIAL", ("MAX_IP",), ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\AXIAL", ("NONE", "THORAX MIP 10/3"), ImageKind.PROJECTION),
        ("DERIVED\\SECONDARY\\AXIAL", ("MPR, THICK 8 MM",), ImageKind.SLAB),
        ("DERIVED\\SECONDARY\\AXIAL", ("MPR", "CHEST 1.0 FILTERED BACK PROJECTION"), None),
        ("DERIVED\\SECONDARY\\AXIAL", ("MIPLAN CHEST",), None),
        ("ORIGINAL\\PRIMARY\\AXIAL", ("THORAX MIP",), None),
    ],
)
def test_descriptions_are_asked_about_derived_images(
    value: str, descriptions: tuple[str, ...], kind: ImageKind | None
) -> None:
    found = image_kind(value.split("\\"), descriptions)
    assert (found and found[0]) == kind


def test_only_the_word_of_a_description_is_repeated() -> None:
    found = image_kind(["DERIVED"], ["MIP OF DOE JANE"])
    assert found is not None
    assert "DOE" not in found[1]
