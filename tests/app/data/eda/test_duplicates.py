"""Groups of the same image in a data set."""

from nodulus.app.data.eda.duplicates import find_duplicates
from nodulus.bundles.common.splits import Side


def test_groups(make_study):
    studies = [
        make_study(uid="1", patient="A"),
        make_study(uid="2", patient="B"),
        make_study(uid="3", patient="A"),
        make_study(uid="4", patient="C"),
        make_study(uid="4", patient="C"),
        make_study(uid="5", patient="D"),
        make_study(uid="6", patient="E"),
    ]
    hashes = ["x", "x", "y", "z", "z", None, None]
    sides = dict.fromkeys("ACDE", Side.TRAINING) | {"B": Side.VALIDATION}
    found = find_duplicates(studies, hashes, sides)
    assert found.same_voxels == (("1", "2"), ("4", "4"))
    assert found.across_sides == (("1", "2"),)
    assert found.same_series == (("4", "4"),)
    assert found.same_patient == (("1", "3"),)


def test_none(make_study):
    studies = [make_study(uid="1", patient="A"), make_study(uid="2", patient="B")]
    found = find_duplicates(studies, ["x", "y"], {})
    assert not any(vars(found).values())
