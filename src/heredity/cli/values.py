"""Trials, outcomes and checkpoints as JSON objects: what `--json` prints."""

from __future__ import annotations

from dataclasses import asdict

from heredity.cli.inherited import without_plan
from heredity.encoding import Json
from heredity.experiment import Outcome, TrialRecord
from heredity.store import Checkpoint


def trial_to_json(record: TrialRecord) -> dict[str, Json]:
    """All that is known of a trial."""
    return {
        "trial": record.id,
        "number": record.number,
        "state": record.state.value,
        "parents": record.parents,
        "twin_of": record.twin_of,
        "parameters": record.parameters,
        "attempt": record.attempt,
        "losses": record.num_losses,
        "late_events": record.num_late_events,
        "score": record.score,
        "steps": record.steps,
        "seconds": record.seconds,
        "checkpoints": record.checkpoints,
        "inheritance": record.inheritance,
        "reports": [[report.step, report.value] for report in record.reports],
        "error": record.error or None,
    }


def outcome_to_json(outcome: Outcome) -> dict[str, Json]:
    """What inheritance gave to one child."""
    return asdict(outcome)


def checkpoint_to_json(checkpoint: Checkpoint) -> dict[str, Json]:
    """All that is known of a checkpoint, but for its graph and its tensors' values."""
    return {
        "key": checkpoint.key,
        "parents": list(checkpoint.parents),
        "score": checkpoint.score,
        "created": checkpoint.created.isoformat(),
        "metadata": without_plan(checkpoint.metadata),
        "num_tensors": len(checkpoint.tensor_names),
        "size_bytes": checkpoint.size_bytes,
        "own_bytes": checkpoint.own_bytes,
    }
