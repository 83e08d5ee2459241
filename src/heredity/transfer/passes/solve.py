"""The proof: a forward pass over the child's graph that finds how each value relates to the parent's.

By induction over the child's nodes: for equal inputs, each value equals its relation applied to the value of
a node of the parent. The inputs are the same; each step is one operator's rule. A rule has to find that its
operands relate to exactly what the partner reads, so that nothing that was proposed has to be believed.
Without a rule, or with a need that is not met, a value is tainted with the reason, and so is everything that
follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heredity.graph import Argument, Graph, Kind, Node, Ref, origin
from heredity.graph.tokens import passes_through
from heredity.transfer.operators.call import Call, Demand, InsertedCall, Known
from heredity.transfer.operators.maps import Assignment, rows, whole
from heredity.transfer.operators.registry import rule_of
from heredity.transfer.operators.relation import (
    AxisRelation,
    Junk,
    Related,
    Several,
    Unproven,
    Value,
    Zero,
    identity,
)
from heredity.transfer.operators.tensor_view import tensor_view
from heredity.transfer.passes.zeroing import zeroing

if TYPE_CHECKING:
    from heredity.transfer.passes.align import Alignment
    from heredity.transfer.passes.choose import AxisMaps


@dataclass(frozen=True, slots=True)
class Solved:
    """A child's tensor with its solution.

    Attributes:
        assignment: Where its values come from.
        taint: Empty if a rule proves that its operator computes the parent's; else why it is only assumed.
        is_borrowed: It lies in a new branch that adds nothing, and takes the values of a branch like it.
    """

    assignment: Assignment
    taint: str
    is_borrowed: bool = False


@dataclass
class Solution:
    """What the pass finds.

    Attributes:
        values: How each value of the child relates to the parent.
        tensors: The solved tensors by name; all others stay fresh.
        demands: What would have to be multiplied for the proof to go on.
        to_be_zero: New values that would have to be zero for the proof to go on.
    """

    values: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, Solved] = field(default_factory=dict)
    demands: list[Demand] = field(default_factory=list)
    to_be_zero: list[str] = field(default_factory=list)


def solve(parent: Graph, child: Graph, *, alignment: Alignment, maps: AxisMaps) -> Solution:
    """Relate each value of the child to the parent, and solve its tensors on the way.

    Args:
        parent: The parent's graph.
        child: The child's graph.
        alignment: Which operator stands for which; not trusted.
        maps: Which entries each axis should take; not trusted.
    """
    return _Solver(parent, child, alignment, maps).run()


class _Solver:
    def __init__(self, parent: Graph, child: Graph, alignment: Alignment, maps: AxisMaps) -> None:
        self._parent = parent
        self._child = child
        self._alignment = alignment
        self._found = Solution()
        self._assigned: dict[str, Assignment] = {}
        self._known = Known(child, parent, self._found.values, self._assigned, maps)

    def run(self) -> Solution:
        for node in self._child.nodes:
            if node.kind is not Kind.OUTPUT:
                self._found.values[node.name] = self._value(node)
        return self._found

    def _value(self, node: Node) -> Value:
        partner = self._alignment.partner.get(node.name)
        if node.kind is not Kind.CALL:
            return self._source(node, self._parent[partner] if partner is not None else None)
        before = passes_through(self._child, node.name)
        if before is not None:
            return self._found.values[before]
        if tensor_view(self._child, node.name) is not None:
            return Junk(f"{node.name} is read by an operator that does not solve it")
        if node.name in self._alignment.zeroed:
            return self._zeroed(node)
        if partner is None:
            return self._inserted(node)
        return self._related(node, self._parent[partner])

    def _source(self, node: Node, partner: Node | None) -> Value:
        """An input or a constant. A tensor of the state dict has no value before an operator solves it."""
        if node.is_stored:
            return Junk(f"{node.tensor} is read by an operator that does not solve it")
        if partner is None or partner.kind is not node.kind or not self._is_same_place(node, partner):
            return Junk(f"{node.name} has no counterpart in the parent")
        if node.shape != partner.shape or node.dtype != partner.dtype:
            return Junk(
                f"{node.name} is {node.shape} {node.dtype}, in the parent {partner.shape} {partner.dtype}"
            )
        if partner.is_stored or not _same_value(node, partner):
            return Junk(f"{node.name} has another value in the parent")
        return Related(partner.name, tuple(map(identity, node.shape or ())))

    def _is_same_place(self, node: Node, partner: Node) -> bool:
        """Whether two inputs are passed alike: at the same position, or by the same keyword."""
        places = [
            [
                (i if not spec.is_keyword else spec.name)
                for i, spec in enumerate(graph.inputs)
                if spec.name == name
            ]
            for graph, name in ((self._child, node.name), (self._parent, partner.name))
        ]
        return places[0] == places[1]

    def _zeroed(self, node: Node) -> Value:
        """Solve the tensors of a new operator so that its result is zero."""
        assignments = zeroing(self._child, node)
        if not assignments or not all(self._is_free(each.tensor) for each in assignments):
            return Junk(f"the new {node.target} cannot be made zero (at {node.name})")
        for each in assignments:
            self._keep(each, Solved(each, taint=""))
        return Zero()

    def _is_free(self, tensor: str) -> bool:
        """Whether a tensor can be set without a second reader noticing."""
        is_read_once = len(self._child.users[self._child.tensors[tensor].name]) == 1
        return is_read_once and tensor not in self._found.tensors

    def _keep(self, assignment: Assignment, solved: Solved) -> None:
        self._found.tensors[assignment.tensor] = solved
        self._assigned[assignment.tensor] = assignment

    def _inserted(self, node: Node) -> Value:
        rule = rule_of(node.target)
        reason = self._problem_of_operands(node)
        reason = reason or f"new: the parent has no {node.target} here (at {node.name})"
        if rule is None:
            return Junk(reason)
        call = InsertedCall(self._known, node, is_identity=node.name in self._alignment.identities)
        try:
            value = self._of_inserted(rule.keeps_zero, call)
            if value is None and rule.insertion is not None:
                value = rule.insertion(call)
        except Unproven as error:
            reason = self._problem_of_operands(node) or f"{error} (at {node.name})"
            value = None
        if value is None:
            self._found.to_be_zero += call.to_be_zero
            self._borrow(node)
            return Junk(reason)
        for each in call.assignments:
            self._keep(each, Solved(each, taint=""))
        if isinstance(value, Related) and call.training_taint and not value.training_taint:
            return Related(value.parent, value.axes, value.taint, call.training_taint)
        return value

    def _of_inserted(self, keeps_zero: bool, call: InsertedCall) -> Value | None:  # noqa: FBT001
        first = next((value for value in call.node.arguments.values() if isinstance(value, Ref)), None)
        is_zero = first is not None and isinstance(self._found.values[first.name], Zero)
        return Zero() if keeps_zero and is_zero else None

    def _borrow(self, node: Node) -> None:
        """Give the tensors of a new branch the values of a branch like it; nothing is claimed of them."""
        lender = self._alignment.borrowed.get(node.name)
        rule = rule_of(node.target)
        if lender is None or rule is None or self._parent[lender].target != node.target:
            return
        call = Call(self._known, node, self._parent[lender], taint="a new branch")
        try:
            rule.relation(call)
        except Unproven:
            return
        for each in call.assignments:
            if self._is_free(each.tensor) and each.source:
                self._keep(each, Solved(each, taint="", is_borrowed=True))

    def _related(self, node: Node, partner: Node) -> Value:
        """Try the operator's rule, then that nothing changes, then what can be assumed."""
        reason = self._problem_of_operands(node) or f"{node.target} has no rule (at {node.name})"
        rule = rule_of(node.target)
        first: Value | None = None
        if rule is not None and node.target == partner.target:
            call = Call(self._known, node, partner)
            try:
                axes = rule.relation(call)
            except Unproven as error:
                reason = call.taint or f"{error} (at {node.name})"
            else:
                if not call.taint:
                    return self._accept(call, axes)
                first = self._congruent(node, partner)
                return first if first is not None else self._accept(call, axes)
        first = self._congruent(node, partner)
        if first is not None:
            return first
        call = Call(self._known, node, partner)
        call.taint = reason
        return self._assume(call)

    def _problem_of_operands(self, node: Node) -> str:
        """Why the first operand that is not proven is not; empty if all are."""
        for name in node.refs():
            match self._found.values[name]:
                case Junk(reason) if tensor_view(self._child, name) is None:
                    return reason
                case Related(taint=taint) | Several(taint=taint) if taint:
                    return taint
        return ""

    def _accept(self, call: Call, result: tuple[AxisRelation, ...] | list[tuple[AxisRelation, ...]]) -> Value:
        """Make a rule's result a value, after a check that it has the shapes of both results."""
        self._found.demands += call.demands
        if isinstance(result, list):
            self._keep_tensors(call)
            return Several(call.partner.name, tuple(result), call.taint, call.training_taint)
        lengths = tuple(len(axis) for axis in result), tuple(axis.num_parent for axis in result)
        if lengths != (call.node.shape or (), call.partner.shape or ()):
            shapes = f"the result is {call.node.shape}, in the parent {call.partner.shape}"
            call.require(condition=False, reason=f"{shapes}, the rule says {lengths}")
            return Junk(call.taint)
        self._keep_tensors(call)
        return Related(call.partner.name, result, call.taint, call.training_taint)

    def _keep_tensors(self, call: Call) -> None:
        """Note the tensors that a rule has solved; a tied one keeps its first solution."""
        for each in call.assignments:
            call.require(not self._differs(each), f"the tied tensor {each.tensor} would need two values")
            self._assigned.setdefault(each.tensor, each)
        for each in call.assignments:
            if each.tensor not in self._found.tensors:
                self._keep(each, Solved(each, call.taint))

    def _differs(self, other: Assignment) -> bool:
        """Whether a tensor has been solved differently before."""
        first = self._assigned.get(other.tensor, other)
        return (first.source, first.axes, first.value) != (other.source, other.axes, other.value)

    def _congruent(self, node: Node, partner: Node) -> Value | None:
        """The result of an operator all of whose operands are the same in both networks.

        This holds for every operator that draws no random numbers, known or not. Tensors are copied whole.
        """
        call = Call(self._known, node, partner)
        is_same = node.target == partner.target and node.shape == partner.shape and not node.is_random
        is_congruent = (
            is_same
            and node.arguments.keys() == partner.arguments.keys()
            and all(
                self._is_same_argument(call, ours, partner.arguments[name])
                for name, ours in node.arguments.items()
            )
        )
        if not is_congruent or any(self._differs(each) for each in call.assignments):
            return None
        self._keep_tensors(call)
        if node.shape is None:
            return Several(partner.name, self._parts(node), training_taint=call.training_taint)
        axes = tuple(map(identity, node.shape))
        return Related(partner.name, axes, training_taint=call.training_taint)

    def _parts(self, node: Node) -> tuple[tuple[AxisRelation, ...], ...]:
        """The parts of a list that is the same in both networks, as far as anybody takes them."""
        shapes: dict[int, tuple[int, ...]] = {}
        for user in self._child.users[node.name]:
            index = self._child[user].arguments.get("index")
            if isinstance(index, int):
                shapes[index] = self._child[user].shape or ()
        return tuple(tuple(map(identity, shapes.get(i, ()))) for i in range(max(shapes, default=-1) + 1))

    def _is_same_argument(self, call: Call, ours: Argument, theirs: Argument) -> bool:
        if isinstance(ours, tuple) and isinstance(theirs, tuple):
            return len(ours) == len(theirs) and all(
                self._is_same_argument(call, a, b) for a, b in zip(ours, theirs, strict=True)
            )
        if not isinstance(ours, Ref) or not isinstance(theirs, Ref):
            return ours == theirs and type(ours) is type(theirs)
        return self._is_same_operand(call, self._child[ours.name], self._parent[theirs.name])

    def _is_same_operand(self, call: Call, ours: Node, theirs: Node) -> bool:
        views = tensor_view(self._child, ours.name), tensor_view(self._parent, theirs.name)
        if views[0] is not None or views[1] is not None:
            return (
                views[0] is not None
                and views[1] is not None
                and views[0].axes == views[1].axes
                and (views[0].added, views[0].length_axis) == (views[1].added, views[1].length_axis)
                and self._is_same_tensor(call, views[0].node, views[1].node)
                and self._has_same_length(call, views[0].length, views[1].length)
            )
        value = self._found.values[ours.name]
        expected = origin(self._parent, theirs.name)
        if isinstance(value, Related):
            call.training_taint = call.training_taint or value.training_taint
            is_same = not value.taint and all(axis.is_identity for axis in value.axes)
            return is_same and value.parent == expected
        if isinstance(value, Several):
            call.training_taint = call.training_taint or value.training_taint
            is_same = all(axis.is_identity for part in value.parts for axis in part)
            return is_same and not value.taint and value.parent == expected
        return False

    def _has_same_length(self, call: Call, ours: Node | None, theirs: Node | None) -> bool:
        if ours is None or theirs is None:
            return ours is theirs
        return self._is_same_tensor(call, ours, theirs)

    def _is_same_tensor(self, call: Call, ours: Node, theirs: Node) -> bool:
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return False
        call.assignments.append(Assignment(ours.tensor, theirs.tensor, tuple(map(whole, ours.shape or ()))))
        return True

    def _assume(self, call: Call) -> Value:
        """Go on with the proposal: nothing is proven, but what the parent learned is not thrown away."""
        for name, ours in call.node.arguments.items():
            theirs = call.partner.arguments.get(name)
            if isinstance(ours, Ref) and isinstance(theirs, Ref) and self._child[ours.name].is_stored:
                self._assume_tensor(call, name, ours.name, theirs.name)
        try:
            return self._accept(call, call.proposal())
        except Unproven:
            self._keep_tensors(call)
            return Junk(call.taint)

    def _assume_tensor(self, call: Call, name: str, ours: str, theirs: str) -> None:
        kernels = [
            (graph[ref].shape or ())[2:] for graph, ref in ((self._child, ours), (self._parent, theirs))
        ]
        try:
            if kernels[0] == kernels[1]:  # a part of a kernel would be another filter
                call.assign(name, *map(rows, call.proposal(ours, theirs)))
        except Unproven:
            return  # it stays fresh


def _same_value(node: Node, partner: Node) -> bool:
    is_known = not node.value_digest.startswith("unknown:")
    return node.value_digest == partner.value_digest and is_known
