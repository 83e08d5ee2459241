"""`Cell`: a small graph whose edges and operators are chosen (Liu et al. 2019, DARTS)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from heredity.errors import InputError
from heredity.oneshot.blocks.choice import Choice, InputChoice, added
from heredity.oneshot.choosing import ChoicePoint, Choosing, Condition, Copy

if TYPE_CHECKING:
    from heredity.oneshot.origins import Origins

Merge = Literal["all", "last"]
"""What a cell returns: all its nodes beside one another, along axis 1, or the last one."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One connection of a cell.

    Attributes:
        node: The node that it leads to, from 0.
        source: Where it comes from: the cell's inputs first, then its nodes.
        is_from_input: Whether it begins at one of the cell's inputs.
    """

    node: int
    source: int
    is_from_input: bool


class Cell(Choosing):
    """Nodes that each add what comes from some of all values before them, through an operator each.

    The labels are ``<label>/<node>/<source>`` for an edge's operator, and ``<label>/<node>/inputs`` for the
    edges of a node, where it does not take all. Cells with one label decide alike. Only what is chosen runs.

    Args:
        candidates: The operators by name: functions that make the module of an edge.
        num_nodes: How many nodes there are.
        num_inputs: How many inputs the cell has.
        num_chosen: How many edges lead to a node; None for all.
        merge: What it returns.
        label: The name of its decisions.
        mixed_only: As for `Choice`.
    """

    def __init__(  # noqa: PLR0913  # what a cell consists of
        self,
        candidates: Mapping[str, Callable[[Edge], torch.nn.Module]],
        *,
        num_nodes: int,
        num_inputs: int = 2,
        num_chosen: int | None = 2,
        merge: Merge = "all",
        label: str,
        mixed_only: Collection[str] = (),
    ) -> None:
        super().__init__()
        if num_nodes < 1 or num_inputs < 1:
            raise InputError(
                f"{label}: expected at least one node and one input, got {num_nodes} and {num_inputs}."
            )
        self.edges = torch.nn.ModuleDict()
        self.inputs = torch.nn.ModuleDict()
        self._num_nodes, self._num_inputs, self._merge = num_nodes, num_inputs, merge
        for node in range(num_nodes):
            num_sources = num_inputs + node
            for source in range(num_sources):
                edge = Edge(node, source, source < num_inputs)
                made = {name: make(edge) for name, make in candidates.items()}
                choice = Choice(made, label=f"{label}/{node}/{source}", mixed_only=mixed_only)
                self.edges[edge_name(node, source)] = choice
            if num_chosen is not None and num_chosen < num_sources:
                self.inputs[str(node)] = InputChoice(num_sources, num_chosen, label=f"{label}/{node}/inputs")

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Compute the nodes, one after the other, from the inputs."""
        _check(inputs, self._num_inputs)
        values = list(inputs)
        for node in range(self._num_nodes):
            choice = self._input_choice(node)
            chosen = tuple(range(self._num_inputs + node)) if choice is None else choice.chosen()
            if isinstance(chosen, torch.Tensor):
                edges = [self._edge(node, source)(value) for source, value in enumerate(values)]
                assert choice is not None  # noqa: S101  # its weights are there
                values.append(choice(edges))
            else:
                values.append(added(self._edge(node, source)(values[source]) for source in chosen))
        return merged(values[self._num_inputs :], self._merge)

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`: its edges and input choices are modules of their own."""
        return iter(())

    def branches(self) -> Iterator[tuple[torch.nn.Module, tuple[Condition, ...]]]:
        """See `Choosing.branches`."""
        for node in range(self._num_nodes):
            choice = self._input_choice(node)
            if choice is not None:
                yield choice, ()
            for source in range(self._num_inputs + node):
                conditions = () if choice is None else (choice.condition(source),)
                yield self._edge(node, source), conditions

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no tensors
        """See `Choosing.fixed`: a `PlainCell`."""
        edges: dict[tuple[int, int], torch.nn.Module] = {}
        for node in range(self._num_nodes):
            choice = self._input_choice(node)
            sources: Sequence[int] = range(self._num_inputs + node)
            if choice is not None:
                [point] = choice.points()
                sources = choice.combinations[selection[point.label]]
            edges |= {(node, source): copy(self._edge(node, source)) for source in sources}
        cell = PlainCell(edges, num_inputs=self._num_inputs, merge=self._merge)
        cell.training = self.training  # the operators have modes of their own
        return cell

    def _edge(self, node: int, source: int) -> torch.nn.Module:
        return self.edges[edge_name(node, source)]

    def _input_choice(self, node: int) -> InputChoice | None:
        name = str(node)
        choice = self.inputs[name] if name in self.inputs else None  # noqa: SIM401  # a ModuleDict has no get
        assert choice is None or isinstance(choice, InputChoice)  # noqa: S101  # nothing else is put there
        return choice


class PlainCell(torch.nn.Module):
    """A cell with one operator for each of its edges: what is left of a `Cell`.

    Args:
        edges: The operators, by node and source.
        num_inputs: How many inputs the cell has.
        merge: What it returns.
    """

    def __init__(
        self, edges: Mapping[tuple[int, int], torch.nn.Module], *, num_inputs: int, merge: Merge = "all"
    ) -> None:
        super().__init__()
        self._num_inputs, self._merge = num_inputs, merge
        self._sources: dict[int, list[int]] = {}
        self.edges = torch.nn.ModuleDict()
        for (node, source), module in sorted(edges.items(), key=lambda item: item[0]):
            self._sources.setdefault(node, []).append(source)
            self.edges[edge_name(node, source)] = module

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Compute the nodes, one after the other, from the inputs."""
        _check(inputs, self._num_inputs)
        values = list(inputs)
        for node, sources in self._sources.items():
            values.append(added(self.edges[edge_name(node, source)](values[source]) for source in sources))
        return merged(values[self._num_inputs :], self._merge)


def edge_name(node: int, source: int) -> str:
    """The name of the module on an edge."""
    return f"{node}-{source}"


def merged(nodes: Sequence[torch.Tensor], merge: Merge) -> torch.Tensor:
    """What a cell with these nodes returns."""
    return torch.cat(list(nodes), dim=1) if merge == "all" else nodes[-1]


def _check(inputs: Sequence[torch.Tensor], num_inputs: int) -> None:
    if len(inputs) != num_inputs:
        raise InputError(f"a cell: expected {num_inputs} inputs, got {len(inputs)}.")
