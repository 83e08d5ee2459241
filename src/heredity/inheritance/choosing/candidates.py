"""Candidates: the checkpoints of a store that may become a parent, found through its index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from heredity.errors import CheckpointNotFound, InputError, UntraceableModule
from heredity.graph import outline_and_layers
from heredity.inheritance.planning import ExampleInputs, Planner, as_inputs, graph_of
from heredity.store import Checkpoint, Fingerprints, Match, Store
from heredity.transfer import trace

if TYPE_CHECKING:
    import torch

    from heredity.encoding import Json
    from heredity.graph import Graph
    from heredity.store.index import Order

_LOOKED_THROUGH = 10
"""So many relatives are looked at for each one that is wanted, where metadata or keys decide as well."""
_FORMS_OF_INPUTS = 3
"""From so many checkpoints' inputs one is sought on which the child runs, where none are given."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Among which checkpoints of a store a parent is sought.

    The nearest relatives come first: who shares the longest exact beginning with the child, then whose graph
    is the same but for widths. The best scores follow, then the youngest, until there are `limit`.

    Args:
        store: Where to look.
        where: Entries that the metadata must have: texts, numbers, truth values or None.
        prefix: How the keys must begin.
        order: Which scores are good, ``"highest"`` or ``"lowest"``.
        limit: How many are considered at most; each architecture among them takes about a tenth of a second.
        min_coverage: The least share of the child's parameters that must come over, from 0 to 1.
    """

    store: Store
    where: Mapping[str, Json] | None = None
    prefix: str = ""
    order: Order = "highest"
    limit: int = 10
    min_coverage: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.store, Store):
            raise InputError(f"Candidates: expected a store, got {type(self.store).__name__}.")
        if not 0 <= self.min_coverage <= 1:
            raise InputError(f"Candidates: expected min_coverage from 0 to 1, got {self.min_coverage!r}.")

    def found(self, planner: Planner, *, knows_inputs: bool) -> list[tuple[Checkpoint, Match | None]]:
        """The candidates, each once, with what it shares with the child where that is known.

        Args:
            planner: Knows the child.
            knows_inputs: Whether it knows the child's inputs; else those that others were saved with serve.

        Raises:
            InputError: Something that is asked for is not possible.
            CheckpointNotFound: There is no checkpoint at all of which it all holds.
        """
        graph = self._graph(planner, knows_inputs=knows_inputs)
        first: dict[str, tuple[Checkpoint, Match | None]] = {}
        for checkpoint, match in chain(self._relatives(graph), self._others()):
            first.setdefault(checkpoint.key, (checkpoint, match))
            if len(first) >= self.limit:
                break
        if not first:
            raise CheckpointNotFound(
                f"{self.store.url} holds no checkpoint to inherit from{self._condition()}.",
                hint="For the first of all, pass missing_ok=True: then nothing is inherited.",
            )
        return list(first.values())

    def _condition(self) -> str:
        parts = [f"key {self.prefix}…"] if self.prefix else []
        parts += [f"{name} = {value!r}" for name, value in (self.where or {}).items()]
        return f" with {', '.join(parts)}" if parts else ""

    def _graph(self, planner: Planner, *, knows_inputs: bool) -> Graph | None:
        """The child's graph; None where it cannot be had, so that only scores and names remain."""
        try:
            if knows_inputs:
                return planner.graph()
            return next(self._graphs_on_inputs_of_others(planner), None)
        except UntraceableModule:
            return None

    def _graphs_on_inputs_of_others(self, planner: Planner) -> Iterator[Graph]:
        recorded = (graph_of(checkpoint) for checkpoint, _ in self._others())
        for _, graph in zip(range(_FORMS_OF_INPUTS), filter(None, recorded), strict=False):
            try:
                yield planner.graph_beside(graph)
            except UntraceableModule:
                continue  # the child takes other inputs than this one

    def _relatives(self, graph: Graph | None) -> Iterator[tuple[Checkpoint, Match]]:
        if graph is None:
            return
        limit = self.limit * (_LOOKED_THROUGH if self.where or self.prefix else 1)
        prints = Fingerprints(*outline_and_layers(graph))
        for checkpoint, match in self.store.find(prints, limit=limit, order=self.order):
            if checkpoint.key.startswith(self.prefix) and self._has_metadata(checkpoint):
                yield checkpoint, match

    def _others(self) -> Iterator[tuple[Checkpoint, None]]:
        best = self.store.best(self.where, prefix=self.prefix, order=self.order, limit=self.limit)
        yield from ((checkpoint, None) for checkpoint in best)
        # Only where there are few: then all headers are at hand anyway.
        yield from ((each, None) for each in self._youngest() if self._has_metadata(each))

    def _youngest(self) -> Iterable[Checkpoint]:
        return reversed(self.store.checkpoints(self.prefix))

    def _has_metadata(self, checkpoint: Checkpoint) -> bool:
        metadata = checkpoint.metadata
        return all(
            name in metadata
            and metadata[name] == value
            # True is 1 to Python, and not to JSON.
            and isinstance(metadata[name], bool) == isinstance(value, bool)
            for name, value in (self.where or {}).items()
        )


def relatives(
    store: Store, module: torch.nn.Module, *, example_inputs: ExampleInputs, limit: int = 10
) -> list[tuple[Checkpoint, Match]]:
    """Find the checkpoints from which a module could inherit most: who has its longest exact beginning first.

    After them come those with the same graph whatever its widths; among equals the best scores come first.
    Takes milliseconds besides the tracing, however many checkpoints there are.

    Args:
        store: Where to look; only what was saved with example inputs is found.
        module: The child; nothing of it is changed.
        example_inputs: Inputs as the child gets them. They are not run.
        limit: How many to return at most.

    Returns:
        The checkpoints, each with what it shares with the module.

    Raises:
        UntraceableModule: The module's graph cannot be recorded.
    """
    graph = trace(module, as_inputs(example_inputs))
    return store.find(Fingerprints(*outline_and_layers(graph)), limit=limit)
