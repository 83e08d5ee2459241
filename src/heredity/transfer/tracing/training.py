"""Whether a module does the same in train mode as in eval mode, regularization by chance left aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Argument, Kind, Ref
from heredity.graph.tokens import passes_through
from heredity.transfer.tracing.exported.arguments import DROPOUTS

if TYPE_CHECKING:
    from heredity.graph import Graph, Node

# Arguments by which operators are told to train; they, and only they, may differ between eval and train mode.
_SWITCHES = frozenset({"training", "train", "dropout_p"})

# These look at their operand's shape and type only.
_MAKING = (
    "aten.new_", "aten.empty_like", "aten.zeros_like", "aten.ones_like", "aten.full_like", "aten.rand_like",
    "aten.randn_like", "aten.bernoulli.p",
)  # fmt: skip


def is_alike(graph: Graph, in_training: Graph) -> bool:
    """Whether train mode runs the same operators, all batch normalization on the batch's statistics.

    Dropout of single numbers, of channels or of whole residual branches (G. Huang et al., "Deep networks with
    stochastic depth", 2016) counts as switched off.

    Args:
        graph: The module in eval mode.
        in_training: The module in train mode, traced with the same inputs.
    """
    uses_batch_statistics = all(
        node.arguments["training"] is True
        for node in in_training.calls
        if node.target == "aten.batch_norm.default"
    )
    return uses_batch_statistics and _Outline(graph).lines == _Outline(in_training).lines


def dropout_rates(in_training: Graph) -> tuple[float, ...]:
    """The rates of all dropouts of a module in train mode; of branches that are dropped whole the largest.

    Whole branches are dropped the more often the deeper they lie, so that all of their rates would tell
    networks of different depth apart which are trained alike.
    """
    rates: set[float] = set()
    for node in in_training.calls:
        is_on = node.arguments.get("train", "dropout_p" in node.arguments)
        found = [node.arguments.get(name) for name in ("p", "dropout", "dropout_p")] if is_on else []
        rates.update(float(rate) for rate in found if isinstance(rate, int | float) and rate)
    branches = [_branch_rate(in_training, name) for name in _noise(in_training)]
    branches += [
        1 - float(str(in_training[name].arguments["other"]))
        for name in _kept_by_chance(in_training, _noise(in_training))
        if in_training[name].target == "aten.div.Tensor"
    ]
    return tuple(sorted(rates | {round(max(branches), 9)} - {0.0})) if branches else tuple(sorted(rates))


def _branch_rate(graph: Graph, name: str) -> float:
    """The rate of a mask that is drawn as such; zero for other random numbers."""
    node = graph[name]
    share = node.arguments.get("p")
    return 1 - share if node.target == "aten.bernoulli.p" and isinstance(share, float) else 0.0


class _Outline:
    """What a graph computes, without the names of its nodes, without idle calls and without dropout."""

    def __init__(self, graph: Graph) -> None:
        self.lines: list[tuple[object, ...]] = []
        self._graph = graph
        self._kept = _kept_by_chance(graph, _noise(graph))
        self._number: dict[str, object] = {}
        wanted = self._wanted()
        for node in graph.nodes:
            if node.name in wanted:
                self._add(node)

    def _wanted(self) -> set[str]:
        """The nodes that the output depends on, masks of dropouts left aside."""
        found = set(self._graph.outputs)
        for node in reversed(self._graph.nodes):
            if node.name in found:
                found.update([self._kept[node.name]] if node.name in self._kept else node.refs())
        return found

    def _add(self, node: Node) -> None:
        if node.kind not in {Kind.CALL, Kind.OUTPUT}:
            self._number[node.name] = (node.kind, node.tensor or node.value_digest or node.name)
            return
        operand = self._kept.get(node.name) or passes_through(self._graph, node.name)
        if operand is not None:
            self._number[node.name] = self._number[operand]
            return
        kept = {
            name: self._numbered(value) for name, value in node.arguments.items() if name not in _SWITCHES
        }
        self._number[node.name] = len(self.lines)
        self.lines.append((node.target, kept, node.shape, node.dtype))

    def _numbered(self, value: Argument) -> object:
        if isinstance(value, Ref):
            return ("node", self._number[value.name])
        if isinstance(value, tuple):
            return tuple(self._numbered(part) for part in value)
        # A list of its own for each type, since 1 == 1.0 == True.
        return (type(value).__name__, value)


def _noise(graph: Graph) -> frozenset[str]:
    """The calls that depend on chance alone, on no input and no tensor."""
    by_chance: set[str] = set()
    signal: set[str] = {node.name for node in graph.nodes if node.kind is not Kind.CALL}
    for node in graph.calls:
        read = set(node.refs())
        if not node.target.startswith(_MAKING) and not read.isdisjoint(signal):
            signal.add(node.name)
        elif node.is_random or not read.isdisjoint(by_chance):
            by_chance.add(node.name)
    return frozenset(by_chance)


def _kept_by_chance(graph: Graph, noise: frozenset[str]) -> dict[str, str]:
    """The calls that belong to a dropout, each with the operand that it keeps, drops or scales."""
    kept: dict[str, str] = {}
    for node in graph.calls:
        operands = list(node.refs())
        signal = [name for name in operands if name not in noise]
        if node.target in DROPOUTS:
            kept[node.name] = operands[0]
        elif node.target == "aten.mul.Tensor" and (len(operands), len(signal)) == (2, 1):
            kept[node.name] = signal[0]
            kept |= _scaling(graph, signal[0])
    return kept


def _scaling(graph: Graph, name: str) -> dict[str, str]:
    """The division by the share that is kept, which stands before the mask, with its operand; or nothing."""
    node = graph[name]
    operand = node.arguments.get("input")
    is_scaling = node.target == "aten.div.Tensor" and isinstance(node.arguments["other"], float)
    is_private = len(graph.users[name]) == 1
    return {name: operand.name} if is_scaling and is_private and isinstance(operand, Ref) else {}
