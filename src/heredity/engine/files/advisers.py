"""Strategies and stoppers from a file, by their kind: one of ours, or a class in a file of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from heredity.engine.files.checked import located
from heredity.engine.files.given import given_strategy
from heredity.engine.files.signatures import Misplaced, Place, Reader, advice, build
from heredity.engine.files.yaml_source import YamlSource
from heredity.engine.function import load_object, parse_function_reference
from heredity.errors import ConfigError
from heredity.mirrors import MIRRORS, MirrorSettings
from heredity.space import Space
from heredity.strategies import Stopper, Strategy
from heredity.strategies.halving import Sampler
from heredity.strategies.registry import STOPPERS, STRATEGIES, load


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserReader:
    """Reads the advisers of one file.

    Every argument of an adviser's class is a key. A `seed` that is not given is the experiment's, `space` is
    that of the file, and what is a strategy itself has a `kind` of its own.
    """

    source: YamlSource
    folder: Path
    """Where the names of the user's own files start."""
    seed: int
    space: Space | None

    def strategy(self, value: object, place: Place) -> Strategy:
        """Make a strategy.

        Raises:
            ConfigError: Something is wrong with it; the message has the line.
        """
        with located(self.source, place):
            return self._strategy(value, place, {})

    def stopper(self, value: object, place: Place) -> Stopper:
        """Make a stopper.

        Raises:
            ConfigError: Something is wrong with it; the message has the line.
        """
        with located(self.source, place):
            return cast(Stopper, self._adviser(STOPPERS, value, place, {}))

    def mirror(self, value: object, place: Place) -> MirrorSettings:
        """Make the settings of a mirror of results.

        Raises:
            ConfigError: Something is wrong with them; the message has the line.
        """
        with located(self.source, place):
            return cast(MirrorSettings, self._adviser(MIRRORS, value, place, {}))

    def _strategy(self, value: object, place: Place, given: Mapping[str, object]) -> Strategy:
        settings, kind = _kind_of(value, place)
        if kind == "given":
            return given_strategy(settings, source=self.source, place=place, space=self.space)
        return cast(Strategy, self._adviser(STRATEGIES, value, place, given))

    def _adviser(
        self, kinds: Mapping[str, str], value: object, place: Place, given: Mapping[str, object]
    ) -> object:
        settings, kind = _kind_of(value, place)
        target = self._class(kinds, kind, (*place, "kind"))
        known = {"seed": self.seed, "space": self.space, **given}
        if known["space"] is None:
            del known["space"]
        settings = {key: part for key, part in settings.items() if key != "kind"}
        if "space" in settings:
            raise Misplaced((*place, "space"), "the space stands at the top of the file")
        try:
            return build(target, settings, place=place, given=known, special=self._special)
        except Misplaced as error:
            if error.place == (*place, "space"):
                raise Misplaced(place, f"{kind} needs a 'space' at the top of the file") from error
            raise

    def _class(self, kinds: Mapping[str, str], kind: str, place: Place) -> type:
        if kind in kinds:
            return load(kinds[kind])
        if ":" not in kind:
            known = sorted({*kinds, "given"}) if kinds is STRATEGIES else sorted(kinds)
            raise Misplaced(
                place,
                f"expected a known kind or 'file.py:Class', got {kind!r}; {advice(kind, known)}",
            )
        found = load_object(parse_function_reference(kind, folder=self.folder))
        if not isinstance(found, type):
            raise ConfigError(f"kind {kind!r}: expected a class, got {found!r}.")
        return found

    @property
    def _special(self) -> Mapping[object, Reader]:
        return {
            Strategy: lambda _, value, place: self._strategy(value, place, {}),
            Stopper: lambda _, value, place: self._adviser(STOPPERS, value, place, {}),
            Sampler: self._sampler,
        }

    def _sampler(self, _: object, value: object, place: Place) -> object:
        def make(space: Space, *, seed: int) -> Strategy:
            return self._strategy(value, place, {"space": space, "seed": seed})

        if self.space is not None:
            make(self.space, seed=self.seed)  # what is wrong with it is told here, with its place
        return make


def _kind_of(value: object, place: Place) -> tuple[Mapping[str, Any], str]:
    """The settings and their kind; a kind alone is short for a mapping with nothing else."""
    if isinstance(value, str):
        return {"kind": value}, value
    if not isinstance(value, Mapping):
        raise Misplaced(place, f"expected a mapping, such as {{kind: random_search}}, got {value!r:.60}")
    kind = value.get("kind")
    if not isinstance(kind, str):
        problem = "missing" if "kind" not in value else f"expected a text, got {kind!r:.60}"
        raise Misplaced((*place, "kind"), problem)
    return value, kind
