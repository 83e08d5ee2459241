"""What remains where nothing can be proven: layers are matched by their order and their kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from heredity.graph import Kind, Ref
from heredity.transfer.names import TensorSpec
from heredity.transfer.plans.certificate import Certificate, TensorVerdict, Verdict
from heredity.transfer.plans.plan import FRESH_ENTRY, AxisMap, How, Step, TransferPlan, coverage_of, fresh

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from heredity.graph import Graph

# Scores of a pair of layers of one kind. The order decides first; among equally long matches the shapes do,
# and then the names.
_SAME_KIND, _SAME_SHAPES, _SAME_NAME = 1_000_000, 5, 1


@dataclass(frozen=True, slots=True)
class Layer:
    """Tensors that belong together.

    Attributes:
        name: What the layer is called; names of relatives may differ.
        kind: What it does, such as ``module.Linear``; empty if that is not known.
        tensors: Its tensors by their roles, such as ``weight``, each with its name in the state dict.
    """

    name: str
    kind: str = ""
    tensors: Mapping[str, tuple[str, TensorSpec]] = field(default_factory=dict)

    @property
    def outline(self) -> Hashable:
        """What two layers must have in common to be matched, besides their kinds where both are known."""
        roles = sorted((role, len(spec.shape), _is_real(spec)) for role, (_, spec) in self.tensors.items())
        return tuple(roles)

    @property
    def shapes(self) -> Hashable:
        """The shapes of its tensors."""
        return tuple(sorted((role, spec.shape) for role, (_, spec) in self.tensors.items()))


def layers_of_graph(graph: Graph) -> tuple[Layer, ...]:
    """The layers of a graph: its modules if `trace_leaf_modules` made it, else tensors of one prefix."""
    modules = [node for node in graph.calls if node.target.startswith("module.") and node.name != "forward"]
    if not modules:
        return layers_of_tensors({name: _spec(graph, node.name) for name, node in graph.tensors.items()})
    layers: list[Layer] = []
    seen: set[str] = set()
    for module in modules:
        refs = {role: value.name for role, value in module.arguments.items() if isinstance(value, Ref)}
        own = {
            role: (graph[name].tensor, _spec(graph, name)) for role, name in refs.items() if name not in seen
        }
        seen.update(refs.values())
        if own:
            layers.append(Layer(module.name.removeprefix("module."), module.target, own))
    return tuple(layers)


def layers_of_tensors(tensors: Mapping[str, TensorSpec]) -> tuple[Layer, ...]:
    """The layers of a state dict, in its order: tensors whose names differ in the last part only."""
    grouped: dict[str, dict[str, tuple[str, TensorSpec]]] = {}
    for name, spec in tensors.items():
        prefix, _, role = name.rpartition(".")
        grouped.setdefault(prefix, {})[role] = (name, spec)
    return tuple(Layer(prefix, tensors=own) for prefix, own in grouped.items())


def plan_by_layers(parent: Sequence[Layer], child: Sequence[Layer], *, reason: str) -> TransferPlan:
    """Plan to copy the tensors of layers that stand in the same order and are of the same kind.

    The longest common sequence of layers is matched (Needleman and Wunsch, 1970); shapes, and then names,
    decide where there are several. Where sizes differ, the first entries are taken, and the others stay
    fresh. The plan never claims to be exact.

    Args:
        parent: The parent's layers, in order.
        child: The child's layers, in order.
        reason: Why nothing can be proven, such as "the child cannot be traced".
    """
    partner = dict(_matched(parent, child))
    judged = [
        _judged(name, spec, partner[i].tensors[role] if i in partner else None, reason)
        for i, layer in enumerate(child)
        for role, (name, spec) in layer.tensors.items()
    ]
    steps = tuple(step for step, _ in judged)
    whole = f"layers are matched by their order and their kind only: {reason}"
    certificate = Certificate(
        tensors={step.tensor: verdict for step, verdict in judged},
        is_exact=False,
        is_exact_in_training=False,
        reason=whole,
        training_reason=whole,
        coverage=coverage_of(steps),
    )
    return TransferPlan(steps, certificate)


def _matched(parent: Sequence[Layer], child: Sequence[Layer]) -> list[tuple[int, Layer]]:
    """Pairs of a place in the child and a layer of the parent: those with the highest sum of scores."""
    scores = _scores(parent, child)
    best = np.zeros((len(parent) + 1, len(child) + 1), dtype=np.int64)
    for i, row in enumerate(scores):
        paired = np.where(row > 0, best[i, :-1] + row, 0)
        best[i + 1, 1:] = np.maximum.accumulate(np.maximum(best[i, 1:], paired))
    pairs: list[tuple[int, Layer]] = []
    i, j = len(parent), len(child)
    while i and j:
        # A layer that may be left out is: new ones come as late as possible.
        if best[i, j] == best[i, j - 1]:
            j -= 1
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((j, parent[i]))
    return pairs


def _scores(parent: Sequence[Layer], child: Sequence[Layer]) -> NDArray[np.int64]:
    """How well each layer of the parent fits each of the child; zero if they are of different kinds."""

    def alike(ours: list[Hashable], theirs: list[Hashable]) -> NDArray[np.bool]:
        number = {value: i for i, value in enumerate(dict.fromkeys([*ours, *theirs]))}
        a, b = (np.array([number[value] for value in values], dtype=np.int64) for values in (theirs, ours))
        return np.equal.outer(a, b)

    kinds = alike([each.kind for each in child], [each.kind for each in parent])
    unknown = np.logical_or.outer([not each.kind for each in parent], [not each.kind for each in child])
    outlines = alike([each.outline for each in child], [each.outline for each in parent])
    shapes = alike([each.shapes for each in child], [each.shapes for each in parent])
    names = alike([each.name for each in child], [each.name for each in parent])
    found = (kinds | unknown) & outlines
    score = _SAME_KIND + _SAME_SHAPES * shapes.astype(np.int64) + _SAME_NAME * names
    return np.where(found, score, 0)


def _judged(
    name: str, spec: TensorSpec, in_parent: tuple[str, TensorSpec] | None, reason: str
) -> tuple[Step, TensorVerdict]:
    if in_parent is None:
        problem = "the parent has no layer of its kind in its place"
        return fresh(name, spec.shape, is_parameter=spec.is_parameter), TensorVerdict(Verdict.FRESH, problem)
    source, theirs = in_parent
    matched = f"matched by order and kind only: {reason}"
    if theirs.shape == spec.shape:
        step = Step(name, spec.shape, How.COPY, source, spec.shape, is_parameter=spec.is_parameter)
        return step, TensorVerdict(Verdict.APPROXIMATE, matched)
    step = Step(
        name,
        spec.shape,
        How.GATHER,
        source,
        theirs.shape,
        axes=tuple(_first_entries(n, m) for n, m in zip(theirs.shape, spec.shape, strict=True)),
        is_parameter=spec.is_parameter,
    )
    cut = f"its shape is {spec.shape}, in the parent {theirs.shape}: the first entries are taken"
    return step, TensorVerdict(Verdict.APPROXIMATE, f"{cut}; {matched}")


def _first_entries(num_parent: int, num_child: int) -> AxisMap:
    return AxisMap(tuple(i if i < num_parent else FRESH_ENTRY for i in range(num_child)))


def _spec(graph: Graph, name: str) -> TensorSpec:
    node = graph[name]
    return TensorSpec(node.shape or (), node.dtype, is_parameter=node.kind is Kind.PARAMETER)


def _is_real(spec: TensorSpec) -> bool:
    return "float" in spec.dtype
