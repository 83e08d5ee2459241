"""NNI's population-based training: our strategy, with trials that load and save files in folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from heredity.engine import Trial
from heredity.errors import ProgramFailed, TransferRefused
from heredity.experiment import TrialResult
from heredity.space import Choice, Dimension, Space
from heredity.strategies import NoProposal, Proposal, Strategy

LOAD_VARIABLE, SAVE_VARIABLE = "HEREDITY_NNI_LOAD", "HEREDITY_NNI_SAVE"
"""Where the `nni` module finds the folders."""
_TAG = "files"
_MARK = "nni_files"


class WithoutSteps:
    """A population whose trials are told no number of steps: how long an interval is, their program knows."""

    def __init__(self, population: Strategy) -> None:
        self._population = population

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        answer = self._population.ask()
        if isinstance(answer, NoProposal):
            return answer
        return replace(answer, max_steps=None, continues=False)  # each program counts its reports from 0

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._population.tell(result)


def with_steps_between_choices(space: Space) -> Space:
    """The same space, where a choice is moved by one place of its list, as NNI's tuner does."""
    dimensions: dict[str, Dimension] = {
        name: replace(dimension, ordered=True) if isinstance(dimension, Choice) else dimension
        for name, dimension in space.dimensions.items()
    }
    return replace(space, dimensions=dimensions)


@contextmanager
def carried_files(trial: Trial, output: Path) -> Iterator[Mapping[str, str]]:
    """Give a trial's program what its parent's has saved, and publish what it saves, once it has ended well.

    Files go through the store, as one checkpoint: whole or not at all, seen by all machines at once, and by
    the name of the attempt, so that no run overwrites another's.

    Args:
        trial: The trial.
        output: The attempt's own folder. The two folders are in it while the program runs.

    Yields:
        The environment that names the folders. That to load from does not exist for a founder, and that to
        save to never does, as in NNI.

    Raises:
        ProgramFailed: The program ended well and has saved nothing.
        TransferRefused: The parent's checkpoint has no files.
    """
    load, save = output / "load", output / "save"
    if trial.parent is not None:
        _put_down(trial, load)
    yield {LOAD_VARIABLE: str(load), SAVE_VARIABLE: str(save)}
    files = {
        path.relative_to(save).as_posix(): np.fromfile(path, dtype=np.uint8)
        for path in sorted(save.rglob("*"))
        if path.is_file()
    }
    if files:
        trial.save_tensors(files, tag=_TAG, metadata={_MARK: True})
        for folder in (load, save):  # they are in the store
            shutil.rmtree(folder, ignore_errors=True)
    elif not trial.should_stop:
        raise ProgramFailed(
            f"Trial {trial.id}: expected files in params['save_checkpoint_dir'], {save}, got none: "
            "whoever goes on from it would begin from nothing."
        )


def _put_down(trial: Trial, folder: Path) -> None:
    parent = trial.parent
    assert parent is not None  # noqa: S101  # by the caller
    if not parent.metadata.get(_MARK):
        raise TransferRefused(
            f"Trial {trial.id}: expected the files of its parent's program in {parent.key}, got weights."
        )
    for name, content in parent.tensors().items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise TransferRefused(
                f"Trial {trial.id}: {parent.key} has a file outside of its folder: {name!r}."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        content.tofile(path)
    print(f"{len(parent.tensors())} files from {parent.key}", flush=True)  # noqa: T201  # into the attempt's log
