"""Attempts of a trial without an engine, for trainings that are killed and go on."""

from __future__ import annotations

from pathlib import Path

import heredity as hd
from heredity.engine.trials.orders import TrialOrder
from heredity.engine.trials.reporting import Reporter
from heredity.experiment.events import AttemptEvent, CheckpointSaved
from heredity.ids import ExperimentId, TrialId


class Killed(Exception):
    """The machine is lost."""


def attempt_of(folder: Path, events: list[AttemptEvent], *, attempt: int, seed: int = 7) -> hd.Trial:
    """An attempt of one trial, which goes on from what earlier ones have saved."""
    saved = tuple(event.key for event in events if isinstance(event, CheckpointSaved))
    order = TrialOrder(
        experiment=ExperimentId("supernets"),
        trial=TrialId("supernet"),
        attempt=attempt,
        parameters={},
        parents={},
        seed=seed,
        directory=str(folder),
        store_url=str(folder / "store"),
        min_coverage=0.0,
        resume_from=saved,
    )

    def emit(event: AttemptEvent) -> bool:
        events.append(event)
        return False

    return hd.Trial(order, Reporter(order, emit))
