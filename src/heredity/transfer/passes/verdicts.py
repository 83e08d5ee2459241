"""What a proof found, written down: a step and a verdict for each tensor of the child."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heredity.graph import Kind
from heredity.transfer.operators.relation import Junk, Related, Zero
from heredity.transfer.operators.tensor_view import tensor_view
from heredity.transfer.plans.certificate import TensorVerdict, Verdict
from heredity.transfer.plans.plan import ZERO_ENTRY, How, Noise, Step, fresh

if TYPE_CHECKING:
    from heredity.graph import Graph, Node
    from heredity.transfer.passes.solve import Solution, Solved

Judged = dict[str, tuple[Step, TensorVerdict]]


def judge(parent: Graph, child: Graph, solution: Solution, *, noise: float, seed: int) -> Judged:
    """The step and the verdict for each tensor of the child.

    Args:
        parent: The parent's graph.
        child: The child's graph.
        solution: What the proof found.
        noise: How much noise parts copies, as a share of the standard deviation of the parent's tensor.
        seed: Which random numbers.
    """
    judged: Judged = {}
    for name, node in child.tensors.items():
        solved = solution.tensors.get(name)
        step = _step(parent, node, solved)
        if solved is not None and _can_take_noise(child, node, solved, step) and noise:
            axis = solved.assignment.reads or 0
            step = _with_noise(step, Noise(axis, noise, seed))
        judged[name] = step, _verdict(child, node, solution, step)
    _add_unread(parent, child, judged)
    return judged


def _verdict(child: Graph, node: Node, solution: Solution, step: Step) -> TensorVerdict:
    solved = solution.tensors.get(node.tensor)
    if solved is None or step.how is How.FRESH:
        return TensorVerdict(Verdict.FRESH, _why_fresh(child, node, solution))
    if solved.is_borrowed:
        return TensorVerdict(Verdict.EXACT, "as in the block like it: the new one adds nothing yet")
    if solved.taint:
        return TensorVerdict(Verdict.APPROXIMATE, solved.taint)
    if step.how is How.FILL:
        return TensorVerdict(Verdict.EXACT, "the parent has nothing here, and this value changes nothing")
    if step.how is How.IDENTITY:
        return TensorVerdict(Verdict.EXACT, "the parent has nothing here, and the identity changes nothing")
    lost = _lost_entries(step)
    return TensorVerdict(Verdict.APPROXIMATE if lost else Verdict.EXACT, lost)


def _step(parent: Graph, node: Node, solved: Solved | None) -> Step:
    shape, is_parameter = node.shape or (), node.kind is Kind.PARAMETER
    if solved is None:
        return fresh(node.tensor, shape, is_parameter=is_parameter)
    given = solved.assignment
    if not given.source:
        how = How.IDENTITY if given.axes else How.FILL
        return Step(node.tensor, shape, how, axes=given.axes, value=given.value, is_parameter=is_parameter)
    source_shape = parent.tensors[given.source].shape or ()
    is_copy = all(axis.is_identity_of(n) for axis, n in zip(given.axes, source_shape, strict=True))
    if not is_copy and any(set(axis.sources) == {-1} for axis in given.axes):
        return fresh(node.tensor, shape, is_parameter=is_parameter)
    is_scaled = any(axis.scales is not None or ZERO_ENTRY in axis.sources for axis in given.axes)
    return Step(
        node.tensor,
        shape,
        How.COPY if is_copy else How.GATHER,
        source=given.source,
        source_shape=source_shape,
        axes=() if is_copy else given.axes,
        value=given.value if is_scaled and not is_copy else 0.0,
        is_parameter=is_parameter,
    )


def _can_take_noise(child: Graph, node: Node, solved: Solved, step: Step) -> bool:
    """Whether copies are read that noise can part: of one proven reader, since another would see it."""
    axis = solved.assignment.reads
    if axis is None or step.how is not How.GATHER or solved.taint or not _is_read_once(child, node):
        return False
    sources = [source for source in step.axes[axis].sources if source >= 0]
    return len(set(sources)) < len(sources)


def _is_read_once(child: Graph, node: Node) -> bool:
    """Whether one operator reads a tensor, be it through views of it."""
    while len(child.users[node.name]) == 1:
        node = child[child.users[node.name][0]]
        if tensor_view(child, node.name) is None:
            return True
    return False


def _with_noise(step: Step, noise: Noise) -> Step:
    return replace(step, noise=noise)


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


def _add_unread(parent: Graph, child: Graph, judged: Judged) -> None:
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
