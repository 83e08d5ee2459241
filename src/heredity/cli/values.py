"""Trials, outcomes and checkpoints as JSON objects: what `--json` prints."""

from __future__ import annotations

from dataclasses import asdict

from heredity.dashboard.reading.plans import without_plan
from heredity.encoding import Json
from heredity.experiment import Outcome, Report, TrialRecord
from heredity.store import Checkpoint


def trial_to_json(record: TrialRecord) -> dict[str, Json]:
    """All that is known of a trial."""
    return {
        "trial": record.id,
        "number": record.number,
        "state": record.state.value,
        "parents": record.parents,
        "lost_parents": record.lost_parents,
        "twin_of": record.twin_of,
        "parameters": record.parameters,
        "info": record.info,
        "max_steps": record.max_steps,
        "continues": record.continues,
        "first_step": record.first_step,
        "attempt": record.attempt,
        "losses": record.num_losses,
        "late_events": record.num_late_events,
        "score": record.score,
        "metrics": record.metrics,
        "resources": record.resources,
        "steps": record.steps,
        "seconds": record.seconds,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "checkpoints": record.checkpoints,
        "inheritance": record.inheritance,
        "reports": [_report_to_json(report) for report in record.reports],
        "stop_reason": record.stop_reason or None,
        "error": record.error or None,
    }


def _report_to_json(report: Report) -> Json:
    """Step and value; what else was measured follows, where there is anything."""
    return [report.step, report.value, *([dict(report.metrics)] if report.metrics else [])]


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
