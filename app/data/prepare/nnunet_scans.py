"""A data folder of nnU-Net (``Dataset###_Name``) as a source of training scans."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.nnunet.dataset_json import (
    IMAGES,
    LABELS,
    NnunetDataset,
    not_chosen,
    read_dataset_json,
)
from nodulus.app.data.prepare.folder_scan import load_semantic
from nodulus.app.data.prepare.patients_table import MARKED, WhoseScans, read_patients
from nodulus.app.data.prepare.prepare_collection import Found
from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.app.data.prepare.table_errors import table_errors
from nodulus.app.data.prepare.training_scan import TrainingScan
from nodulus.app.data.prepare.training_series import named_patient
from nodulus.app.errors import ErrorCode, NodulusError


def find_nnunet(
    folder: Path, structures: tuple[str, ...] = (), patients: Path | None = None
) -> Found:
    """Find the training cases of a data folder; each connected piece of a label is a nodule.

    Args:
        folder: with ``dataset.json``, ``imagesTr`` and ``labelsTr``.
        structures: names of the labels that are nodules; empty for what is called so, or the only
            label.
        patients: CSV with the columns seriesuid (the case) and patient, and perhaps marked.

    Raises:
        NodulusError: it is no such folder, no label is a nodule, the table cannot be read, or there
            is no case with a label.
    """
    whose = WhoseScans({}, {})
    if patients is not None:
        with table_errors(patients):
            whose = read_patients(patients)
    dataset = read_dataset_json(folder)
    channel = dataset.ct_channel()
    try:
        values = dataset.nodule_values(structures)
    except MaskError as error:
        raise not_chosen(error) from error
    ending = dataset.image_of("", channel)
    scans: list[TrainingScan] = []
    problems: list[Problem] = []
    images = sorted((folder / IMAGES).glob(f"*{ending}"))
    for image in images:
        case = image.name.removesuffix(ending)
        label = folder / LABELS / f"{case}{dataset.file_ending}"
        if not label.is_file():
            message = f"there is no {LABELS}/{label.name} of it; left out"
            problems.append(Problem(ProblemKind.MASK_MISSING, message, image, series_uid=case))
            continue
        scans.append(_scan(case, image, label, dataset, values, whose, problems))
    if not scans:
        raise NodulusError(
            ErrorCode.NO_CT_SERIES,
            f"None of its {len(images)} images ({IMAGES}/*{ending}) has a label in {LABELS}.",
            remedy="Give the folder Dataset###_Name of nnUNet_raw.",
            subject=folder,
        )
    return Found("nnunet", scans, problems, {"series": len(images)})


def _scan(
    case: str,
    image: Path,
    label: Path,
    dataset: NnunetDataset,
    values: frozenset[int],
    whose: WhoseScans,
    problems: list[Problem],
) -> TrainingScan:
    if case not in whose.patients:
        message = "the case does not say whose it is; its name stands for the patient"
        problems.append(Problem(ProblemKind.PATIENT_UNKNOWN, message, image, series_uid=case))
    patient = named_patient(whose.patients[case]) if case in whose.patients else case
    return TrainingScan(
        series_uid=case,
        patient_id=patient,
        load=partial(load_semantic, image, label, case, values, dataset.ignored),
        source_files=(image, label),
        recipe=f"nnunet 1 {sorted(values)} {dataset.ignored}",
        facts={MARKED: whose.marked[case]} if case in whose.marked else {},
    )
