"""Whether images are of one person, and named without confusion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from nodulus.app.reading.message_words import count
from nodulus.app.reading.slice_header import IdentityDigests, SliceHeader
from nodulus.app.reading.uids import is_uid
from nodulus.app.volume import VolumeWarning


def is_same_person(a: IdentityDigests, b: IdentityDigests) -> bool:
    """Whether two images may be of one person.

    Another PatientID is another person, and so is the same one of another issuer. With the same
    PatientID, or without one, name and birth date decide: they are another person's where both
    differ, and where the name does and no PatientID says otherwise.
    """
    same_id, same_issuer, same_name, same_birth = (
        None if x is None or y is None else x == y for x, y in zip(a, b, strict=True)
    )
    if same_id is False or same_issuer is False:
        return False
    if same_id is None:
        return same_name is not False and same_birth is not False
    return not (same_name is False and same_birth is False)


def by_person(headers: Iterable[SliceHeader]) -> list[list[SliceHeader]]:
    """Group the images of a study by person, the one with most images first."""
    by_digests: dict[IdentityDigests, list[SliceHeader]] = defaultdict(list)
    for header in headers:
        by_digests[header.identity_digests].append(header)
    people: list[tuple[list[IdentityDigests], list[SliceHeader]]] = []
    # Those who say most of themselves first: what says nothing goes to who it may belong to.
    for digests in sorted(by_digests, key=lambda d: (-sum(x is not None for x in d), str(d))):
        fitting = [
            person for person in people if all(is_same_person(digests, own) for own in person[0])
        ]
        if fitting:
            fitting[0][0].append(digests)
            fitting[0][1].extend(by_digests[digests])
        else:
            people.append(([digests], by_digests[digests]))
    # Ordered by their images, not by who they are.
    return sorted(
        (images for _, images in people),
        key=lambda images: (-len(images), min(h.sop_instance_uid for h in images)),
    )


def says_most(images: Sequence[SliceHeader]) -> SliceHeader:
    """Give the image that says most of its patient; of several always the same one.

    Args:
        images: of one study and person; at least one.
    """
    return min(
        images,
        key=lambda h: (
            sum(digest is None for digest in h.identity_digests),
            h.damage is not None,
            h.sop_instance_uid,
            str(h.path),
        ),
    )


def study_warnings(people: int, other_studies: int) -> tuple[VolumeWarning, ...]:
    """What is odd about whose the images of a study are, and where else its series lies.

    Args:
        people: how many persons the images of the study are of.
        other_studies: how many other studies have images of the same series.
    """
    found: dict[str, str] = {}
    if people > 1:
        found["several-patients"] = (
            f"The study holds images of {people} patients under one StudyInstanceUID; each has a "
            "result of its own. Do not send these results to an archive before that is put right."
        )
    if other_studies:
        others = "another study" if other_studies == 1 else f"{other_studies} other studies"
        found["series-in-several-studies"] = (
            f"Images with the same SeriesInstanceUID are in {others}: slices may be missing here."
        )
    return tuple(VolumeWarning(code, message) for code, message in found.items())


def image_warnings(images: Sequence[SliceHeader]) -> tuple[VolumeWarning, ...]:
    """What is odd about how the images of a volume name themselves and their patient.

    Args:
        images: those that the volume is made of, without any that turned out to be damaged.
    """
    found: dict[str, str] = {}
    if len({header.identity_digests for header in images}) > 1:
        found["patient-attributes-differ"] = (
            "The images do not agree on the patient's identity (a name, birth date or issuer is "
            "missing or written otherwise in some), but nothing says that they are of two persons."
        )
    invalid = _invalid_uids(images)
    if invalid:
        found["uid-invalid"] = (
            f"{' and '.join(invalid)} of the images {'is' if len(invalid) == 1 else 'are'} no UID, "
            "so that no archive takes a DICOM object about them: those are left out."
        )
    uids = Counter(header.identity for header in images)
    repeated = sum(number for number in uids.values() if number > 1)
    if repeated and not invalid:
        found["sop-instance-uid-repeated"] = (
            f"{count(repeated, 'image')} of {len(images)} share a SOPInstanceUID with another one, "
            "so that no DICOM object can refer to them."
        )
    return tuple(VolumeWarning(code, message) for code, message in found.items())


def _invalid_uids(images: Sequence[SliceHeader]) -> list[str]:
    """The keywords of UIDs that some image has and that are none."""
    values = {
        "StudyInstanceUID": {header.study_uid for header in images},
        "SeriesInstanceUID": {header.series_uid for header in images},
        "SOPInstanceUID": {header.sop_instance_uid for header in images},
    }
    return [keyword for keyword, uids in values.items() if not all(map(is_uid, uids))]
