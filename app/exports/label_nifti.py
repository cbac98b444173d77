"""Masks as a NIfTI label volume, with a table of what each label is."""

from __future__ import annotations

import csv
import io

from nodulus.app.exports.study import ResultToExport
from nodulus.app.results.nifti import encode_nifti

LABELS_FILE = "nodules.nii.gz"
TABLE_FILE = "nodules.tsv"
COLUMNS = ("index", "name", "nodule_probability", "malignancy_probability", "tracking_uid")


def export(study: ResultToExport) -> dict[str, bytes]:
    """Give the label volume and its table (BIDS's ``index`` and ``name``, then ours).

    Args:
        study: its masks are on the grid of the volume that was analysed.

    Raises:
        NodulusError: the result has findings and no masks.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for f in study.result.findings:
        row = (f.id, f"Nodule {f.id}", f.nodule_probability, f.malignancy_probability)
        writer.writerow((*row, f.tracking_uid))
    return {
        LABELS_FILE: encode_nifti(study.labels, study.geometry),
        TABLE_FILE: stream.getvalue().encode(),
    }
