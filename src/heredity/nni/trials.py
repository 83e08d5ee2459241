"""A trial that is a program of NNI's: its environment in the worker, and its results for the tuner."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from heredity.encoding import Json
from heredity.engine import Trial
from heredity.engine.environment import environment_with
from heredity.engine.programs.running import run_program
from heredity.experiment import TrialResult, TrialState

SHIM = Path(__file__).resolve().parent / "shim"


def run_nni_trial(command: str, folder: str, trial: Trial) -> None:
    """Run a trial command in its shell, as NNI does, with `nni` on its path.

    Raises:
        ProgramFailed: It ends with another exit code than 0.
        TrialStopped: It reported after it was told to stop.
        StoreUnavailable: It ends with the exit code that asks to be tried again.
    """
    output = trial.directory / "nni" / f"{trial.id}@{trial.attempt}"
    (output / ".nni").mkdir(parents=True, exist_ok=True)
    braced = command.replace("{", "{{").replace("}", "}}")  # they are the shell's, not places
    with environment_with(_variables(trial, output, folder)):
        run_program(("/bin/sh", "-c", braced), folder, trial)


def _variables(trial: Trial, output: Path, folder: str) -> dict[str, str]:
    path = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": str(SHIM) if not path else f"{SHIM}{os.pathsep}{path}",
        "NNI_PLATFORM": "local",
        "NNI_EXP_ID": trial.order.experiment,
        "NNI_TRIAL_JOB_ID": trial.id,
        "NNI_TRIAL_SEQ_ID": str(_sequence_of(trial)),
        "NNI_CODE_DIR": folder,
        "NNI_SYS_DIR": str(output),
        "NNI_OUTPUT_DIR": str(output),
    }


def _sequence_of(trial: Trial) -> int:
    """Which trial of the experiment it is, from 0: strategies of ours count theirs from 1, in their names."""
    sequence = trial.info.get("sequence")
    if isinstance(sequence, int):
        return sequence
    number = re.search(r"\d+$", trial.id)
    return max(0, int(number[0]) - 1) if number else 0


def final_results(directory: Path, result: TrialResult) -> list[Json]:
    """What a trial that has ended has reported at its end, oldest first; any JSON.

    A trial that was stopped early has its last intermediate result instead, as in NNI. Only its last attempt
    counts; no attempt begins after the end.
    """
    attempts = (directory / "nni").glob(f"{result.trial_id}@*")
    latest = max(attempts, key=lambda path: int(path.name.rpartition("@")[2]), default=None)
    if latest is None:
        return []
    try:
        text = (latest / ".nni" / "metrics").read_text("utf-8")
    except FileNotFoundError:
        return []  # it has reported nothing
    # A last line without its end is of a program that was killed while it wrote.
    reports = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    final = [report["value"] for report in reports if report["type"] == "FINAL"]
    if not final and reports and result.state is TrialState.STOPPED_EARLY:
        return [reports[-1]["value"]]
    return final
