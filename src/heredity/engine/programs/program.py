"""A command with places for hyperparameters, as a trial's program."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heredity.encoding import Json, encode
from heredity.engine.function import FunctionReference
from heredity.errors import ConfigError

_RUNNER = "heredity.engine.programs.running"
_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Program:
    """A program to be run for each trial, without a shell: ``Program("python train.py --rate {rate}")``.

    It finds its trial by `heredity.current_trial()`, or by the environment if it is no Python program. Its
    score is what it finishes with, else its last report; it fails if its exit code is not 0.

    Args:
        command: One text, which is split as a shell would, or the words. ``{name}`` stands for a
            hyperparameter: a text as it is, anything else as JSON; ``{{`` and ``}}`` for braces.
        folder: Where it runs.
    """

    command: str | Sequence[str]
    folder: Path | str = "."

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command, with their places.

        Raises:
            ConfigError: The text ends within quotes, or there is no word.
        """
        try:
            words = shlex.split(self.command) if isinstance(self.command, str) else self.command
        except ValueError as error:
            raise ConfigError(f"command {self.command!r}: {error}.") from error
        if not words:
            raise ConfigError("command: expected a program and its arguments, got nothing.")
        return tuple(words)

    def reference(self) -> FunctionReference:
        """The trial function that runs it.

        Raises:
            ConfigError: There is no such program or folder, or a place is not written as one.
        """
        folder = Path(self.folder).resolve()
        if not folder.is_dir():
            raise ConfigError(f"command: there is no folder {folder}.")
        words = self.words
        self.names()
        is_known = shutil.which(words[0]) or shutil.which(folder / words[0])
        if not is_known and not _PLACE.search(words[0]):
            raise ConfigError(
                f"command: there is no program {words[0]!r}, neither on the PATH nor in {folder}.",
                hint="A script needs its interpreter: 'python train.py'.",
            )
        return FunctionReference(_RUNNER, "run_program", arguments=(words, str(folder)))

    def names(self) -> set[str]:
        """The hyperparameters that the command names.

        Raises:
            ConfigError: A brace is not part of a place.
        """
        return {name for word in self.words for name in _names(word)}


def _names(word: str) -> Iterable[str]:
    for match in _PLACE.finditer(word):
        if match["name"] is not None and match["name"].isidentifier():
            yield match["name"]
        elif match[0] not in {"{{", "}}"}:
            raise ConfigError(
                f"command: {match[0]!r} in {word!r} is no place for a hyperparameter.",
                hint="Write {name}, or {{ and }} for braces.",
            )


def filled(words: Sequence[str], parameters: Mapping[str, Json]) -> list[str]:
    """Put the hyperparameters into their places.

    Raises:
        ConfigError: The trial has no hyperparameter of a name.
    """

    def text_of(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0][0]  # a brace
        if name not in parameters:
            raise ConfigError(
                f"command: no hyperparameter {name!r}; the trial has {', '.join(parameters) or 'none'}."
            )
        value = parameters[name]
        return value if isinstance(value, str) else encode(value).decode()

    return [_PLACE.sub(text_of, word) for word in words]
