"""What inference writes, beside MONAI's own image writer."""

from __future__ import annotations

import csv
import logging
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

logger = logging.getLogger(__name__)


class ProbabilityWriter:
    """Ignite handler: a CSV with the probability of each point that the engine ran over.

    Columns seriesuid, coordX, coordY, coordZ (LPS mm), probability: LUNA16's submission form.

    Args:
        path: of the CSV; written beside and renamed when the run is complete.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.rows: list[tuple[Any, ...]] = []

    def attach(self, engine: Engine) -> None:
        """Collect each iteration, write at the end."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def collect(self, engine: Engine) -> None:
        """Keep the iteration's points and probabilities."""
        state: Any = engine.state  # Ignite types its batch and output as integers
        for item, output in zip(state.batch, state.output, strict=True):
            x, y, z = (float(v) for v in item["point_lps_mm"])
            place = (f"{x:.3f}", f"{y:.3f}", f"{z:.3f}")
            self.rows.append((item["series_uid"], *place, f"{float(output['pred']):.6f}"))

    def write(self, engine: Engine) -> None:
        """Write the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(self.path.name + ".part")
        with beside.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("seriesuid", "coordX", "coordY", "coordZ", "probability"))
            writer.writerows(self.rows)
        beside.replace(self.path)
        logger.info("%s: %d points", self.path, len(self.rows))
