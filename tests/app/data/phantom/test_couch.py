"""The table under the patient."""

import numpy as np

from nodulus.app.data.phantom.couch import ROOM_AIR_HU, draw_table, paint_table


def test_it_lies_under_the_body_and_tables_differ():
    xs = ys = np.arange(-250.0, 250.0, 2.0)
    planes = []
    for seed in range(6):
        plane = paint_table(draw_table(np.random.default_rng(seed)), xs, ys, 100.0)
        middle = plane[:, len(xs) // 2]
        assert np.all(middle[ys < 98.0] == ROOM_AIR_HU)
        assert plane.max() > -500.0
        planes.append(plane)
    assert len({p.tobytes() for p in planes}) == 6
