"""What a path on the command line points to: an experiment's directory, or a store."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from heredity.cli.shell.explaining import nearest
from heredity.cli.shell.progress import waiting
from heredity.encoding import decode
from heredity.engine.directory import JOURNAL_NAME, SNAPSHOT_NAME
from heredity.errors import ConfigError
from heredity.experiment import ExperimentState
from heredity.journal import read_state
from heredity.store import Store, open_store

FORMAT_NAME = "format.json"


@dataclass(frozen=True, slots=True)
class ExperimentPlace:
    """An experiment's directory, read."""

    directory: Path
    state: ExperimentState


def open_place(place: str) -> ExperimentPlace | Store:
    """Read the experiment or open the store that a path or URL names.

    Raises:
        ConfigError: There is nothing of the kind.
        StoreLocationError: The place is neither.
    """
    if "://" not in place:
        directory = Path(place)
        if (directory / JOURNAL_NAME).is_file():
            with waiting(f"reading {directory / JOURNAL_NAME}"):
                state = read_state(directory / JOURNAL_NAME)
            _keep_from_collector()
            return ExperimentPlace(directory, state)
        if not directory.exists():
            raise ConfigError(f"{place}: there is no such directory.", hint=_beside(directory))
        if not (directory / FORMAT_NAME).is_file():
            raise ConfigError(
                f"{place} is neither an experiment's directory nor a store.", hint=_below(directory)
            )
    return open_store(place, create=False)


def _keep_from_collector() -> None:
    """What was read stays to the command's end; looking for garbage in it took two seconds of ten."""
    command = click.get_current_context(silent=True)
    if command is not None:
        gc.freeze()
        command.call_on_close(gc.unfreeze)


def _beside(directory: Path) -> str:
    """What may have been meant by a path that does not exist."""
    folder = next(parent for parent in directory.parents if parent.is_dir())
    wanted = directory.relative_to(folder).parts[0]
    near = nearest(wanted, [path.name for path in folder.iterdir() if path.is_dir()], num=3)
    if near:
        return f"Beside it there is {' or '.join(str(folder / name) for name in near)}."
    return "`heredity run experiment.yml` makes experiments, hd.open_store() makes stores."


def _below(directory: Path) -> str:
    """The experiments that lie below a directory, for whoever named one too high."""
    found = sorted(
        str(path.parent) for depth in (1, 2, 3) for path in directory.glob("*/" * depth + JOURNAL_NAME)
    )
    return (
        f"Experiments below it: {', '.join(found[-5:])}."
        if found
        else "Name a directory that `heredity run` or hd.open_store() made."
    )


def store_of(place: str) -> tuple[Store, Mapping[str, str]]:
    """Open a store, or the store of an experiment.

    Returns:
        The store, and the trials whose names stand for their checkpoints' keys.

    Raises:
        ConfigError: There is nothing of the kind.
        StoreLocationError: The place is neither.
    """
    opened = open_place(place)
    if not isinstance(opened, ExperimentPlace):
        return opened, {}
    keys: dict[str, str] = {
        trial: record.checkpoint for trial, record in opened.state.trials.items() if record.checkpoint
    }
    return open_store(store_url(opened.directory), create=False), keys


def store_url(directory: Path) -> str:
    """Where the store of an experiment lies."""
    snapshot = directory / SNAPSHOT_NAME
    if snapshot.is_file():
        match decode(snapshot.read_bytes()):
            case {"store": str(store)}:
                return store if "://" in store else str(directory / store)
    return str(directory / "store")
