"""Identity: which trial of which tool it is, as keys and metadata say it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from heredity.encoding import Json

if TYPE_CHECKING:
    from heredity.store import Checkpoint

_MOST_CHARACTERS = 50
"""Of each part of a key: three of them stay below what a key may have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which trial of which tool it is.

    Args:
        tool: The tool's name, such as ``"optuna"``.
        experiment: What the tool calls the whole search: a study, an experiment, a project.
        trial: The tool's name or number of the trial.
        parameters: Its hyperparameters; what JSON cannot carry is kept as text.
        start: What tells this start of the trial from another one under the same name, such as its time.
    """

    tool: str
    experiment: str
    trial: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    start: str = ""

    @property
    def prefix(self) -> str:
        """How the keys of the trial's checkpoints begin."""
        return "/".join(_part(name) for name in (self.tool, self.experiment, self.trial))

    def keys(self, tag: str | None) -> Iterator[str]:
        """Keys for a checkpoint, in the order in which to try them: one that is taken is never used again."""
        key = self.prefix if tag is None else f"{self.prefix}/{_part(tag)}"
        yield key
        yield from (f"{key}@{number}" for number in count(2))

    def is_of(self, checkpoint: Checkpoint) -> bool:
        """Whether this trial, in this start, has saved the checkpoint."""
        said = checkpoint.metadata
        return all(said.get(name) == value for name, value in self.metadata().items() if name != "parameters")

    def metadata(self) -> dict[str, Json]:
        """The names as they are, unabridged."""
        return {
            "tool": self.tool,
            "experiment": self.experiment,
            "trial": self.trial,
            "start": self.start,
            "parameters": as_json(self.parameters),
        }


def as_json(value: object) -> Json:
    """A value as JSON carries it; what has no such form as the text that Python shows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, Mapping):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return repr(value)


def _part(name: str) -> str:
    """A part of a key. Names that differ in odd characters only share it; the metadata tell them apart."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:_MOST_CHARACTERS]
    return plain if plain.strip(".") else "_"
