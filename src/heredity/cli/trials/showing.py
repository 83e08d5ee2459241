"""One trial, all that is known of it: `heredity show EXPERIMENT TRIAL`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from rich.console import Console
from rich.text import Text

from heredity.cli.output import (
    add_row,
    keys_text,
    number_text,
    print_json,
    program,
    seconds_text,
    size_text,
    state_text,
    table,
    verdict_text,
)
from heredity.cli.places import ExperimentPlace
from heredity.cli.shell.explaining import nearest
from heredity.cli.trials.columns import NOTHING, facts_text
from heredity.cli.trials.drawing import sparkline
from heredity.cli.values import trial_to_json
from heredity.dashboard.reading.attempts import Attempt, attempts_of
from heredity.dashboard.reading.texts import log_lines_of
from heredity.engine.directory import JOURNAL_NAME
from heredity.errors import ConfigError
from heredity.experiment import ExperimentState, Report, TrialRecord, cumulative_steps, headline, outcomes
from heredity.ids import TrialId

LABEL_WIDTH = 13
MAX_TABLE_ROWS = 12
"""Reports that are shown one by one; of more, the curves must do, unless all are asked for."""


def show_trial(
    screen: Console, place: ExperimentPlace, name: str, *, all_reports: bool, log_lines: int
) -> None:
    """Print one trial.

    Raises:
        ConfigError: There is no such trial.
    """
    record = trial_of(place, name)
    attempts = attempts_of(place.directory / JOURNAL_NAME, record.id)
    print_facts(screen, _facts(place.state, record, attempts))
    _print_curves(screen, record, place.state.rules.objective)
    if all_reports or 0 < len(record.reports) <= MAX_TABLE_ROWS:
        _print_reports(screen, record)
    if len(attempts) > 1:
        _print_attempts(screen, attempts)
    if record.error:
        screen.print(Text("\nerror", style="bold red"))
        screen.print(Text(record.error.rstrip()), soft_wrap=True)
    _print_log(screen, place.directory / "logs" / f"{record.id}@{record.attempt}.log", num_lines=log_lines)


def print_trial_json(place: ExperimentPlace, name: str) -> None:
    """The same facts for a program.

    Raises:
        ConfigError: There is no such trial.
    """
    record = trial_of(place, name)
    attempts = attempts_of(place.directory / JOURNAL_NAME, record.id)
    print_json(
        {
            **trial_to_json(record),
            "cumulative_steps": cumulative_steps(place.state.trials, record.id),
            "children": _children(place.state, record.id),
            "attempts": [attempt.to_json() for attempt in attempts],
        }
    )


def trial_of(place: ExperimentPlace, name: str) -> TrialRecord:
    """The trial of this name.

    Raises:
        ConfigError: There is none.
    """
    record = place.state.trials.get(TrialId(name))
    if record is None:
        raise ConfigError(
            f"{place.directory}: there is no trial {name!r}.",
            hint=_which_instead(place, name),
        )
    return record


def _which_instead(place: ExperimentPlace, name: str) -> str:
    trials = list(place.state.trials)
    near = nearest(name, trials, num=3)
    if near:
        return f"Did you mean {' or '.join(near)}? `{program()} ls {place.directory}` lists all."
    some = f"{', '.join(trials[:12])}{' …' if len(trials) > 12 else ''}" or "none yet"
    return f"The trials are {some}."


def print_facts(screen: Console, facts: dict[str, Text]) -> None:
    """Names at the left, and what is known beside them; what says nothing is left out."""
    for name, value in facts.items():
        if value.plain:
            screen.print(Text.assemble((f"{name:<{LABEL_WIDTH}}", "dim"), value), soft_wrap=True)


def _facts(state: ExperimentState, record: TrialRecord, attempts: list[Attempt]) -> dict[str, Text]:
    return {
        "trial": Text.assemble((record.id, "bold"), f"  (number {record.number})"),
        "state": Text.assemble(state_text(record.state.value), _reason(record)),
        "parents": Text(_parents(record)),
        "children": Text(keys_text(_children(state, record.id))),
        "twin of": Text(record.twin_of or ""),
        "strategy": Text("" if not record.info else facts_text(record.info)),
        "parameters": Text(facts_text(record.parameters)),
        "steps": Text(_steps(state, record)),
        "score": _score(state, record),
        "time": Text(_times(record)),
        "resources": Text(_resources(record)),
        "attempts": Text(_attempts(record)),
        "checkpoints": Text(keys_text(record.checkpoints)),
        "began": Text("; ".join(attempts[-1].beginnings) if attempts else ""),
        "inherited": _inherited(record),
        "beside twin": Text(_beside_twin(state, record)),
    }


def _reason(record: TrialRecord) -> str:
    reason = headline(record.error) if record.error else record.stop_reason
    return f": {reason}" if reason else ""


def _parents(record: TrialRecord) -> str:
    text = keys_text(record.parents)
    if record.continues:
        text += f" (goes on where {record.parents[0]} ended, at step {record.first_step})"
    if record.lost_parents:
        text += f" (was to have {', '.join(record.lost_parents)}, which failed)"
    return text


def _children(state: ExperimentState, trial: TrialId) -> list[TrialId]:
    return [record.id for record in state.trials.values() if trial in record.parents]


def _steps(state: ExperimentState, record: TrialRecord) -> str:
    total = cumulative_steps(state.trials, record.id)
    text = f"{record.steps}" + ("" if total == record.steps else f", with its ancestors' {total}")
    return text if record.max_steps is None else f"{text}; asked to train up to step {record.max_steps}"


def _score(state: ExperimentState, record: TrialRecord) -> Text:
    rules = state.rules
    directions = {name: str(direction) for name, direction in rules.further_objectives.items()}
    parts = [f"{number_text(record.score)} ({rules.objective}, {rules.direction})"]
    for name, value in record.metrics.items():
        shown = number_text(value) if isinstance(value, int | float) else str(value)
        direction = directions.get(name)
        parts.append(f"{name} {shown}" + (f" ({direction})" if direction else ""))
    return Text(" · ".join(parts))


def _times(record: TrialRecord) -> str:
    if record.started_at is None:
        return NOTHING
    started = dt.datetime.fromtimestamp(record.started_at).astimezone()
    return f"{seconds_text(record.seconds)}, started {started:%Y-%m-%d %H:%M:%S}"


def _resources(record: TrialRecord) -> str:
    used, parts = record.resources, []
    cpu, memory, gpu = (used.get(name) for name in ("cpu_seconds", "peak_memory_bytes", "peak_gpu_bytes"))
    if isinstance(cpu, int | float):
        parts.append(f"{seconds_text(cpu)} of the processor")
    if isinstance(memory, int):
        parts.append(f"{size_text(memory)} of memory at most")
    if isinstance(gpu, int):
        parts.append(f"{size_text(gpu)} of the accelerator's memory at most")
    if used.get("host"):
        parts.append(f"on {used['host']}")
    return ", ".join(parts)


def _attempts(record: TrialRecord) -> str:
    late = f", {record.num_late_events} late events refused" if record.num_late_events else ""
    return f"{record.attempt} (lost {record.num_losses} times{late})"


def _inherited(record: TrialRecord) -> Text:
    """What the tables at the end of a run say of an heir, in a line."""
    summary = record.inheritance
    if summary is None:
        return Text()
    kinds = (("exact", "num_exact"), ("approximate", "num_approximate"), ("new", "num_new"))
    counts = [f"{count:,} {kind}" for kind, name in kinds if isinstance(count := summary.get(name), int)]
    parts = [f"parameters: {', '.join(counts)}"] if counts else []
    if "exact_in_training" in summary:
        parts.append(f"{'exact' if summary['exact_in_training'] else 'not exact'} in training")
    difference = summary.get("max_difference")
    if isinstance(difference, int | float):
        parts.append(f"outputs differ by {difference:.1e} at most")
    if summary.get("reason"):
        parts.append(str(summary["reason"]))
    return Text.assemble(verdict_text(summary), *(f"; {part}" for part in parts))


def _beside_twin(state: ExperimentState, record: TrialRecord) -> str:
    outcome = next((outcome for outcome in outcomes(state) if outcome.trial == record.id), None)
    if outcome is None or outcome.twin is None:
        return ""
    reached = (
        "its end was not reached"
        if outcome.steps_to_twin is None
        else f"its end was reached at step {outcome.steps_to_twin} instead of {outcome.twin_steps}"
    )
    text = f"{outcome.twin}, from nothing, ended at {number_text(outcome.twin_score)}"
    return text if outcome.twin_score is None else f"{text}; {reached}"


def _print_curves(screen: Console, record: TrialRecord, objective: str) -> None:
    if len(record.reports) < 2:
        return
    series = {objective: [report.value for report in record.reports], **_metric_series(record.reports)}
    width = max(8, min(60, screen.width - LABEL_WIDTH - 44))
    print_facts(screen, {name[: LABEL_WIDTH - 1]: _curve(values, width) for name, values in series.items()})
    steps = f"steps {record.reports[0].step} to {record.reports[-1].step}, {len(record.reports)} reports"
    screen.print(Text(" " * LABEL_WIDTH + steps, style="dim"))


def _curve(values: list[float], width: int) -> Text:
    numbers = f"  {number_text(values[0])} → {number_text(values[-1])}"
    span = f" (least {number_text(min(values))}, most {number_text(max(values))})"
    return Text.assemble((sparkline(values, width=width), "cyan"), numbers, (span, "dim"))


def _metric_series(reports: list[Report]) -> dict[str, list[float]]:
    series: dict[str, list[float]] = {}
    for report in reports:
        for name, value in report.metrics.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                series.setdefault(name, []).append(float(value))
    return series


def _print_reports(screen: Console, record: TrialRecord) -> None:
    names = list(_metric_series(record.reports))
    rows = table("step>", "value>", *(f"{name}>" for name in names))
    for report in record.reports:
        further = (report.metrics.get(name) for name in names)
        cells = (number_text(value) if isinstance(value, int | float) else NOTHING for value in further)
        add_row(rows, str(report.step), number_text(report.value), *cells)
    screen.print(rows)


def _print_attempts(screen: Console, attempts: list[Attempt]) -> None:
    rows = table("attempt>", "began~", "reached>", "time>", "end~")
    for attempt in attempts:
        seconds = None if attempt.ended_at is None else attempt.ended_at - attempt.started_at
        add_row(
            rows,
            str(attempt.number),
            "; ".join(attempt.beginnings) or "from nothing",
            NOTHING if attempt.last_step is None else f"step {attempt.last_step}",
            seconds_text(seconds),
            attempt.ending,
        )
    screen.print(rows)


def _print_log(screen: Console, log: Path, *, num_lines: int) -> None:
    if not log.exists():
        return
    screen.print(Text.assemble(("\nlog  ", "bold"), str(log)), soft_wrap=True)
    for line in log_lines_of(log)[-num_lines:] if num_lines else []:
        screen.print(Text(f"  {line}", style="dim"), soft_wrap=True)
