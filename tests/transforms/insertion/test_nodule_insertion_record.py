"""Records of insertions as text."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.insertion.nodule_insertion_record import NoduleInsertion, from_json, to_json
from nodulus.transforms.insertion.nodule_position import Attachment


def test_records_survive_as_text():
    turn = tuple(tuple(float(v) for v in row) for row in np.linalg.qr(np.ones((3, 3)))[0])
    record = NoduleInsertion("a/1", (0.1, -2 / 3, 1e-9), turn, 1 / 3, Attachment.VESSEL, 0.7, 2**62)
    assert from_json(to_json([record])) == (record,)


@pytest.mark.parametrize("text", ["no", "{}x", '[{"shape_id": "a"}]', "[1]"])
def test_bad_text_is_refused(text):
    with pytest.raises(ValueError, match="not a list of nodule insertions"):
        from_json(text)


def test_a_centre_has_three_numbers():
    turn = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    record = NoduleInsertion("a/1", (1.5, 2.5, 3.5), turn, 1.0, Attachment.VESSEL, 0.7, 1)
    text = to_json([record]).replace("[1.5, 2.5, 3.5]", "[1.5, 2.5]")
    with pytest.raises(ValueError, match="not a list of nodule insertions"):
        from_json(text)
