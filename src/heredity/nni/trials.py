"""A trial that is a program of NNI's, in its worker: the shell, and the environment."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from heredity.encoding import Json
from heredity.engine import Trial
from heredity.engine.environment import environment_with
from heredity.engine.programs.running import run_program
from heredity.errors import ConfigError
from heredity.nni.population import carried_files
from heredity.nni.reports import file_of, folder_of

SHIM = Path(__file__).resolve().parent / "shim"


@dataclass(frozen=True, slots=True)
class TrialProgram:
    """What all trials of an experiment run, and what they are told."""

    command: str
    folder: str
    experiment: str
    """What `nni.get_experiment_id` answers."""
    is_heard: bool
    """Whether a tuner or an assessor in the driver's process reads what they report."""
    carries_files: bool
    """Whether what one has saved in its folder is what its children load."""

    def arguments(self) -> tuple[Json, ...]:
        """What `run_nni_trial` is called with before the trial."""
        return (asdict(self),)


def run_nni_trial(program: Mapping[str, Any], trial: Trial) -> None:  # Any: by `TrialProgram.arguments`
    """Run a trial command in its shell, as NNI does, with `nni` on its path.

    Raises:
        ConfigError: The driver's directory is not here, so that nobody would hear what the trial reports.
        ProgramFailed: It ends with another exit code than 0.
        TrialStopped: It reported after it was told to stop.
        StoreUnavailable: It ends with the exit code that asks to be tried again.
    """
    told = TrialProgram(**program)
    output = folder_of(trial.directory, trial.id, trial.attempt)
    if not told.is_heard:
        file_of(output).parent.mkdir(parents=True, exist_ok=True)
    elif not file_of(output).is_file():
        raise ConfigError(
            f"{socket.gethostname()}: expected {file_of(output)}, which the driver has made; it is not here.",
            hint="Name a --directory on a disk that all machines share: the tuner reads there.",
        )
    braced = told.command.replace("{", "{{").replace("}", "}}")  # they are the shell's, not places
    folders: AbstractContextManager[Mapping[str, str]] = nullcontext({})
    if told.carries_files:
        folders = carried_files(trial, output)
    with folders as names, environment_with({**_variables(trial, output, told), **names}):
        run_program(("/bin/sh", "-c", braced), told.folder, trial)


def _variables(trial: Trial, output: Path, program: TrialProgram) -> dict[str, str]:
    path = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": str(SHIM) if not path else f"{SHIM}{os.pathsep}{path}",
        "NNI_PLATFORM": "local",
        "NNI_EXP_ID": program.experiment,
        "NNI_TRIAL_JOB_ID": trial.id,
        "NNI_TRIAL_SEQ_ID": str(_sequence_of(trial)),
        "NNI_CODE_DIR": program.folder,
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
