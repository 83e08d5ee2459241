"""What trials report to the tuner and the assessor: any JSON, one file an attempt."""

from __future__ import annotations

import json
import os
from collections import deque
from pathlib import Path

from heredity.encoding import Json
from heredity.engine import Experiment
from heredity.experiment import ExperimentState, TrialResult, TrialState
from heredity.experiment import events as happened
from heredity.ids import TrialId
from heredity.journal import replay

Attempt = tuple[TrialId, int]


def folder_of(directory: Path, trial: str, attempt: int) -> Path:
    """An attempt's own folder, which is also its `NNI_OUTPUT_DIR`."""
    return directory / "nni" / f"{trial}@{attempt}"


def file_of(folder: Path) -> Path:
    """Where an attempt's reports go, a line each."""
    return folder / ".nni" / "metrics"


class TrialReports:
    """Finds the reports, and knows which attempt of a trial is the latest.

    The driver makes each attempt's file before it starts, and the attempt writes into what is there. So the
    file is never seen absent, which a client of NFS would remember for half a minute; and an attempt that
    finds none runs where the driver's directory is not.

    Args:
        is_judged: Whether an assessor asks for the attempt of each report.
    """

    def __init__(self, *, is_judged: bool = False) -> None:
        self._is_judged = is_judged
        self.experiment: Experiment | None = None
        """Whose directory it is. Set before anything runs."""
        self._latest: dict[TrialId, int] = {}
        self._judged: deque[Attempt] = deque()
        """Whose intermediate results they are that a stopper is yet to hear, oldest first."""
        self._read_so_far: dict[Attempt, tuple[int, list[dict[str, Json]]]] = {}
        """Of attempts whose trials have not ended: the size that was read, and what it held."""

    # --- knowing the attempts ------------------------------------------------------------------------------

    def observe(self, _: ExperimentState, event: happened.Event | None) -> None:
        """See `heredity.engine.driving.loop.Observer`."""
        self._note(event)
        if isinstance(event, happened.TrialStarted):
            file = file_of(folder_of(self._directory(), event.trial, event.attempt))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()

    def take_recorded(self, journal: Path) -> None:
        """Learn what the journal of a resumed experiment tells."""
        for event in replay(journal):
            self._note(event)

    def _note(self, event: happened.Event | None) -> None:
        if isinstance(event, happened.TrialStarted):
            self._latest[event.trial] = event.attempt
        elif self._is_judged and isinstance(event, happened.TrialReported):
            self._judged.append((event.trial, event.attempt))

    def next_judged(self, trial: TrialId) -> Attempt:
        """The attempt of which the report is that a stopper hears now."""
        while (attempt := self._judged.popleft())[0] != trial:
            pass  # of a trial that no stopper hears
        return attempt

    def latest(self, trial: TrialId) -> int:
        """The number of a trial's latest attempt; 0 if it has none."""
        return self._latest.get(trial, 0)

    # --- reading -------------------------------------------------------------------------------------------

    def final(self, trial: TrialId, attempt: int) -> list[Json]:
        """What an attempt has reported as final so far, oldest first."""
        return [report["value"] for report in self._read(trial, attempt) if report["type"] == "FINAL"]

    def intermediate(self, trial: TrialId, attempt: int) -> list[Json]:
        """What an attempt has reported on the way so far, oldest first."""
        return [report["value"] for report in self._read(trial, attempt) if report["type"] == "PERIODICAL"]

    def results(self, result: TrialResult) -> list[Json]:
        """What the tuner is to hear of a trial that has ended, in all.

        A trial that was stopped early has its last intermediate result instead, as in NNI. Only its latest
        attempt counts; no attempt begins after the end.
        """
        attempt = self.latest(result.trial_id)
        final = self.final(result.trial_id, attempt)
        if not final and result.state is TrialState.STOPPED_EARLY:
            final = self.intermediate(result.trial_id, attempt)[-1:]
        self._read_so_far.pop((result.trial_id, attempt), None)
        return final

    def _read(self, trial: TrialId, attempt: int) -> list[dict[str, Json]]:
        size, reports = self._read_so_far.get((trial, attempt), (0, []))
        try:
            # Opened again each time: a client of NFS then asks the server how long it is by now.
            with file_of(folder_of(self._directory(), trial, attempt)).open("rb") as file:
                if os.fstat(file.fileno()).st_size == size:
                    return reports
                data = file.read()
        except FileNotFoundError:
            return []  # no attempt of it has begun
        # A last line without its end is being written, or is of a program that was killed while it wrote.
        reports = [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
        self._read_so_far[trial, attempt] = len(data), reports
        return reports

    def _directory(self) -> Path:
        assert self.experiment is not None  # noqa: S101  # set before anything runs
        return Path(str(self.experiment.directory))
