"""From two graphs to a plan: align, find the structure, choose, prove, and write down what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Kind, origin
from heredity.transfer.operators.relation import Junk, Related, Zero
from heredity.transfer.passes.align import align
from heredity.transfer.passes.choose import choose
from heredity.transfer.passes.solve import Solution, Solved, solve
from heredity.transfer.passes.structure import axis_classes
from heredity.transfer.plans.certificate import Certificate, TensorVerdict, Verdict
from heredity.transfer.plans.plan import How, Step, TransferPlan, coverage_of, fresh

if TYPE_CHECKING:
    from heredity.graph import Graph, Node
    from heredity.transfer.operators.relation import AxisRelation, Value
    from heredity.transfer.passes.align import Alignment
    from heredity.transfer.passes.choose import AxisMaps


def plan_transfer(parent: Graph, child: Graph) -> TransferPlan:
    """Plan how a child inherits from a parent. Needs the graphs only, so that many parents can be tried.

    Args:
        parent: The parent's graph.
        child: The child's graph, traced with inputs of the same shapes (`example_inputs_like`).

    Returns:
        The plan, with the certificate of what it preserves.
    """
    alignment = align(parent, child)
    maps = choose(axis_classes(parent, child, alignment))
    return plan_with(parent, child, alignment=alignment, maps=maps)


def plan_with(parent: Graph, child: Graph, *, alignment: Alignment, maps: AxisMaps) -> TransferPlan:
    """Plan by a given alignment and given maps, of which nothing is believed before it is proven.

    Args:
        parent: The parent's graph.
        child: The child's graph.
        alignment: Which operator stands for which.
        maps: Which entries each axis should take.
    """
    solution = solve(parent, child, alignment=alignment, maps=maps)
    judged = {name: _judged(parent, child, node, solution) for name, node in child.tensors.items()}
    _add_unread(parent, child, judged)
    steps = tuple(step for step, _ in judged.values())
    reason = _why_not_exact(parent, child, solution)
    training_reason = reason or _why_not_alike(parent, child)
    certificate = Certificate(
        tensors={name: verdict for name, (_, verdict) in judged.items()},
        is_exact=not reason,
        is_exact_in_training=not training_reason,
        reason=reason,
        training_reason=training_reason,
        coverage=coverage_of(steps),
    )
    return TransferPlan(steps, certificate)


def _judged(parent: Graph, child: Graph, node: Node, solution: Solution) -> tuple[Step, TensorVerdict]:
    """The step and the verdict for one tensor."""
    solved = solution.tensors.get(node.tensor)
    step = _step(parent, node, solved)
    if solved is None or step.how is How.FRESH:
        return step, TensorVerdict(Verdict.FRESH, _why_fresh(child, node, solution))
    if solved.taint:
        return step, TensorVerdict(Verdict.APPROXIMATE, solved.taint)
    if step.how is How.FILL:
        return step, TensorVerdict(Verdict.EXACT, "the parent has nothing here, and zero adds nothing")
    lost = _lost_entries(step)
    return step, TensorVerdict(Verdict.APPROXIMATE if lost else Verdict.EXACT, lost)


def _step(parent: Graph, node: Node, solved: Solved | None) -> Step:
    shape, is_parameter = node.shape or (), node.kind is Kind.PARAMETER
    if solved is None:
        return fresh(node.tensor, shape, is_parameter=is_parameter)
    assignment = solved.assignment
    if not assignment.source:
        return Step(node.tensor, shape, How.FILL, value=assignment.value, is_parameter=is_parameter)
    source_shape = parent.tensors[assignment.source].shape or ()
    is_copy = all(axis.is_identity_of(n) for axis, n in zip(assignment.axes, source_shape, strict=True))
    if not is_copy and any(set(axis.sources) == {-1} for axis in assignment.axes):
        return fresh(node.tensor, shape, is_parameter=is_parameter)
    return Step(
        node.tensor,
        shape,
        How.COPY if is_copy else How.GATHER,
        source=assignment.source,
        source_shape=source_shape,
        axes=() if is_copy else assignment.axes,
        is_parameter=is_parameter,
    )


def _lost_entries(step: Step) -> str:
    """What a selection leaves behind of the parent's tensor; empty if it takes everything."""
    for number, (axis, size) in enumerate(zip(step.axes, step.source_shape, strict=False)):
        kept = len(set(axis.sources) & set(range(size)))
        if kept < size:
            return f"{size - kept} of {size} entries of axis {number} are left out"
    return ""


def _why_fresh(child: Graph, node: Node, solution: Solution) -> str:
    for reader in child.users[node.name]:
        match solution.values.get(reader):
            case Junk(reason):
                return reason
            case Related(taint=taint) if taint:
                return taint
            case Zero():
                return "a new branch, which adds nothing yet"
            case _:
                return "new: the parent has nothing here"
    return "no operator reads it"


def _add_unread(parent: Graph, child: Graph, judged: dict[str, tuple[Step, TensorVerdict]]) -> None:
    """Take over tensors that no operator reads, such as counters, from where their neighbours came from."""
    home = {
        name.rpartition(".")[0]: step.source.rpartition(".")[0]
        for name, (step, _) in judged.items()
        if step.source
    }
    for name, node in child.tensors.items():
        if child.users[node.name]:
            continue
        module, _, leaf = name.rpartition(".")
        source = f"{home[module]}.{leaf}".removeprefix(".") if module in home else name
        theirs = parent.tensors.get(source)
        is_same = theirs is not None and (theirs.shape, theirs.dtype) == (node.shape, node.dtype)
        if theirs is None or not is_same or parent.users[theirs.name]:
            continue
        shape = node.shape or ()
        is_parameter = node.kind is Kind.PARAMETER
        step = Step(name, shape, How.COPY, source, source_shape=shape, is_parameter=is_parameter)
        judged[name] = step, TensorVerdict(Verdict.EXACT, "no operator reads it")


def _why_not_exact(parent: Graph, child: Graph, solution: Solution) -> str:
    """The first output that is not proven to be the parent's, and why; empty if there is none."""
    if len(parent.outputs) != len(child.outputs):
        return f"{len(child.outputs)} outputs, in the parent {len(parent.outputs)}"
    if child.nodes[-1].arguments.get("keys") != parent.nodes[-1].arguments.get("keys"):
        return "the outputs have other keys than the parent's"
    for number, (ours, theirs) in enumerate(zip(child.outputs, parent.outputs, strict=True)):
        problem = _problem_of(solution.values[ours], expected=origin(parent, theirs))
        if problem:
            return f"output {number}: {problem}"
    return ""


def _problem_of(value: Value, *, expected: str) -> str:
    """Why a value is not proven to be the value of a node of the parent; empty if it is."""
    if isinstance(value, Junk):
        return value.reason
    if isinstance(value, Zero):
        return "it is zero"
    if value.parent != expected:
        return f"it is the parent's {value.parent}, not {expected}"
    return value.taint or _why_not_identity(value.axes)


def _why_not_identity(axes: tuple[AxisRelation, ...]) -> str:
    """Name the entries that are still the parent's, along the first axis that differs."""
    for number, axis in enumerate(axes):
        if not axis.is_identity:
            same = [i for i, (g, s) in enumerate(zip(axis.g, axis.s, strict=True)) if g == i and s == 1]
            which = f"entries {_ranges(same)}" if same else "no entries"
            return f"of {len(axis)} along axis {number}, {which} are the parent's"
    return ""


def _ranges(numbers: list[int]) -> str:
    """Write increasing numbers as ranges: 0-9, 12."""
    starts = [i for i in numbers if i - 1 not in set(numbers)]
    ends = [i for i in numbers if i + 1 not in set(numbers)]
    parts = [f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
    return ", ".join(parts)


def _why_not_alike(parent: Graph, child: Graph) -> str:
    for who, graph in (("the parent", parent), ("the child", child)):
        if not graph.is_alike_in_training:
            return f"{who} runs other operators in train mode, or its train mode could not be traced"
    theirs, ours = _dropout_rates(parent), _dropout_rates(child)
    if theirs != ours:
        return f"dropout rates are {_listed(ours)}, in the parent {_listed(theirs)}"
    return ""


def _dropout_rates(graph: Graph) -> set[float]:
    """The rates at which a network drops out; masks are left aside, but not how much they hide."""
    rates = {node.arguments.get("p") for node in graph.calls if "dropout" in node.target}
    return {float(rate) for rate in rates if isinstance(rate, int | float) and rate}


def _listed(rates: set[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted(rates)) or "none"
