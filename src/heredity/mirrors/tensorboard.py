"""Results for TensorBoard: a run a trial, with its curves while it runs, and its hyperparameters (HParams).

TensorBoard's own record writer is used, without TensorFlow and without torch.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heredity.experiment import Report
from heredity.ids import TrialId
from heredity.mirrors.base import Mirror, MirrorSettings, needing, place_of
from heredity.mirrors.facts import ExperimentFacts, Scalar, TrialFacts, flat, numbers

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

WHOLE = ".whole"
"""Stands in the folder of a trial that has been written to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorBoard(MirrorSettings):
    """Look at it with ``tensorboard --logdir DIRECTORY``."""

    directory: Path | str | None = None
    """By default ``mirrors/tensorboard`` below the experiment's."""

    @property
    def kind(self) -> str:
        """``tensorboard``."""
        return "tensorboard"

    def open(self, directory: Path, experiment: ExperimentFacts) -> Mirror:
        """Make the folder.

        Raises:
            ConfigError: TensorBoard is not installed, or the folder cannot be made.
        """
        with needing("tensorboard"):
            import tensorboard.summary.writer.record_writer  # noqa: F401, PLC0415  # optional
        folder = place_of(self.directory, directory, "tensorboard") / experiment.name
        return _TensorBoardMirror(folder, experiment)


class _TensorBoardMirror(Mirror):
    def __init__(self, folder: Path, experiment: ExperimentFacts) -> None:
        self._folder = folder
        self._experiment = experiment
        self._runs: dict[TrialId, _Run] = {}

    @property
    def place(self) -> str:
        return str(self._folder.parent)

    def known(self) -> set[TrialId]:
        return {TrialId(mark.parent.name) for mark in self._folder.glob(f"*/{WHOLE}")}

    def report(self, trial: TrialFacts, report: Report) -> None:
        run = self._runs.get(trial.id)
        if run is not None and run.attempt == trial.attempt:
            run.add_report(report, self._experiment.objective, at=time.time())
            return
        if run is not None:
            run.close()
        self._runs[trial.id] = self._begin(trial)

    def write(self, trial: TrialFacts) -> None:
        run = self._runs.pop(trial.id, None)
        if run is None or run.attempt != trial.attempt or run.num_reports != len(trial.reports):
            if run is not None:
                run.close()
            run = self._begin(trial)
        run.end(trial, self._experiment)
        run.close()
        (self._folder / trial.id / WHOLE).touch()

    def flush(self) -> None:
        for run in self._runs.values():
            run.flush()

    def close(self) -> None:
        for run in self._runs.values():
            run.close()

    def _begin(self, trial: TrialFacts) -> _Run:
        """Begin the trial's folder anew, with what counts of its reports so far."""
        folder = self._folder / trial.id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = _Run(folder, trial)
        for report, at in zip(trial.reports, _times(trial), strict=True):
            run.add_report(report, self._experiment.objective, at=at)
        return run


class _Run:
    """The event file of one attempt."""

    def __init__(self, folder: Path, trial: TrialFacts) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: PLC0415  # optional

        self.attempt = trial.attempt
        self.num_reports = 0
        self._at = trial.started_at or trial.proposed_at
        self._file = (folder / f"events.out.tfevents.{int(self._at):010d}.{trial.attempt}").open("xb")
        self._writer: Any = RecordWriter(self._file)  # Any: TensorBoard has no types
        self._add(_event(self._at, file_version="brain.Event:2"))
        self._add(_hparams(self._at, trial))
        if trial.reports:
            # What TensorBoard has read of an attempt that was lost, from this step on, it forgets.
            self._add(_start_over(self._at, trial.reports[0].step))

    def add_report(self, report: Report, objective: str, *, at: float) -> None:
        """A point on each curve."""
        self.num_reports += 1
        values = {objective: report.value, **numbers(report.metrics)}
        self._add(_scalars(at, report.step, values))

    def end(self, trial: TrialFacts, experiment: ExperimentFacts) -> None:
        """The final values, under names of their own: reports may be of other data than scores."""
        at = trial.ended_at or time.time()
        last = trial.reports[-1].step if trial.reports else trial.steps
        score = {} if trial.score is None else {f"final/{experiment.objective}": trial.score}
        metrics = {f"final/{name}": value for name, value in numbers(trial.metrics).items()}
        inherited = numbers(trial.inheritance or {})
        coverage = {"final/coverage": inherited["coverage"]} if "coverage" in inherited else {}
        steps = {"final/cumulative_steps": float(trial.cumulative_steps)}
        self._add(_scalars(at, last, {**score, **metrics, **coverage, **steps}))
        self._add(_session_end(at, is_failed=trial.is_failed))

    def _add(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _times(trial: TrialFacts) -> list[float]:
    """Reports have no times of their own here: of a trial that has ended, evenly between its ends."""
    start, end = trial.started_at or trial.proposed_at, trial.ended_at or time.time()
    num = len(trial.reports)
    return [start + (end - start) * (i + 1) / num for i in range(num)]


def _event(at: float, *, step: int = 0, **content: Any) -> Event:  # noqa: ANN401  # protobuf's fields
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415  # optional

    return Event(wall_time=at, step=step, **content)


def _scalars(at: float, step: int, values: Mapping[str, float]) -> Event:
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415  # optional

    entries = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
    return _event(at, step=step, summary=Summary(value=entries))


def _start_over(at: float, step: int) -> Event:
    from tensorboard.compat.proto.event_pb2 import SessionLog  # noqa: PLC0415  # optional

    return _event(at, step=step, session_log=SessionLog(status=SessionLog.START))


def _hparams(at: float, trial: TrialFacts) -> Event:
    """Hyperparameters, and the lineage beside them, as the HParams plugin reads them."""
    from tensorboard.plugins.hparams import plugin_data_pb2 as data  # noqa: PLC0415  # optional

    lineage = {"parents": " ".join(trial.parents)}
    info = flat(trial.info, prefix="info.")
    start = data.SessionStartInfo(group_name=trial.id, start_time_secs=at)
    for name, value in {**flat(trial.parameters), **lineage, **info}.items():
        _set_value(start.hparams[name], value)
    return _plugin_event(at, "session_start_info", start)


def _set_value(field: Any, value: Scalar) -> None:  # noqa: ANN401  # protobuf's Value
    if isinstance(value, bool):
        field.bool_value = value
    elif isinstance(value, int | float):
        field.number_value = value
    else:
        field.string_value = "" if value is None else value


def _session_end(at: float, *, is_failed: bool) -> Event:
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2  # noqa: PLC0415  # optional

    status = api_pb2.Status.STATUS_FAILURE if is_failed else api_pb2.Status.STATUS_SUCCESS
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=at)
    return _plugin_event(at, "session_end_info", end)


def _plugin_event(at: float, name: str, content: Any) -> Event:  # noqa: ANN401  # protobuf's messages
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata  # noqa: PLC0415  # optional
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2  # noqa: PLC0415  # optional

    packed = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **{name: content})
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=packed.SerializeToString())
    value = Summary.Value(tag=f"_hparams_/{name}", metadata=SummaryMetadata(plugin_data=plugin))
    return _event(at, summary=Summary(value=[value]))
