"""An experiment's directory: its number, and the files that lie in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from heredity.encoding import encode
from heredity.errors import ConfigError

JOURNAL_NAME = "journal.jsonl"
SNAPSHOT_NAME = "experiment.json"
SNAPSHOT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Source:
    """An experiment file as it was read, and the folder that its relative names start from."""

    folder: Path
    text: str


def keep_source(source: Source, directory: Path, *, store: str | None) -> None:
    """Write down what `heredity resume` needs. All paths are relative, so that the whole can be moved."""
    if store is not None and "://" not in store:
        store = os.path.relpath(store, directory)
    folder = os.path.relpath(source.folder, directory)
    snapshot = {"version": SNAPSHOT_VERSION, "folder": folder, "store": store, "text": source.text}
    (directory / SNAPSHOT_NAME).write_bytes(encode(snapshot))


def next_directory(root: Path, name: str) -> Path:
    """Make the directory of the next run of an experiment: ``root/name/001`` and so on.

    Raises:
        ConfigError: It cannot be made.
    """
    folder = root / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = max((int(path.name) for path in folder.iterdir() if path.name.isdigit()), default=0)
        while True:
            number += 1
            try:
                (folder / f"{number:03d}").mkdir()
            except FileExistsError:
                continue  # another run took the number a moment ago
            return folder / f"{number:03d}"
    except OSError as error:
        raise ConfigError(f"directory {folder}: cannot be made: {error.strerror}.") from error


def holds_anything_else(directory: Path) -> bool:
    """Whether a directory holds more than the leftovers of a run that was killed before its journal began.

    Such a run has started no trial, and has left a store without checkpoints at most.
    """
    return any(
        path.name not in {"store", SNAPSHOT_NAME} and not path.name.startswith(f".{JOURNAL_NAME}.")
        for path in directory.iterdir()
    )


def experiment_id(name: str, directory: Path) -> str:
    """The prefix of the checkpoints' keys: the name, with the run's number where the directory has one."""
    if directory.name.isdigit() and directory.parent.name == name:
        return f"{name}-{directory.name}"
    return name
