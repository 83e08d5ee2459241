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
from heredity.transfer.operators.call import Assignment, Call, InsertedCall, rows
from heredity.transfer.operators.registry import rule_of
from heredity.transfer.operators.relation import AxisRelation, Junk, Related, Unproven, Value, Zero, identity

if TYPE_CHECKING:
    from heredity.transfer.passes.align import Alignment
    from heredity.transfer.passes.choose import AxisMaps


@dataclass(frozen=True, slots=True)
class Solved:
    """A child's tensor with its solution.

    Attributes:
        assignment: Where its values come from.
        taint: Empty if a rule proves that its operator computes the parent's; else why it is only assumed.
    """

    assignment: Assignment
    taint: str


@dataclass
class Solution:
    """What the pass finds.

    Attributes:
        values: How each value of the child relates to the parent.
        tensors: The solved tensors by name; all others stay fresh.
    """

    values: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, Solved] = field(default_factory=dict)


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
        self._maps = maps
        self._found = Solution()

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
        rule = rule_of(node.target)
        names = rule.zeroed_by if rule is not None else ()
        refs = [node.arguments.get(name) for name in names]
        tensors = [self._child[ref.name] for ref in refs if isinstance(ref, Ref)]
        can_be_zero = refs and isinstance(refs[0], Ref) and all(self._is_free(tensor) for tensor in tensors)
        if not can_be_zero:
            return Junk(f"the new {node.target} cannot be made zero (at {node.name})")
        for tensor in tensors:
            self._found.tensors[tensor.tensor] = Solved(Assignment(tensor.tensor, ""), taint="")
        return Zero()

    def _is_free(self, tensor: Node) -> bool:
        """Whether a tensor can be set without a second reader noticing."""
        is_read_once = len(self._child.users[tensor.name]) == 1
        return tensor.is_stored and is_read_once and tensor.tensor not in self._found.tensors

    def _inserted(self, node: Node) -> Value:
        rule = rule_of(node.target)
        if rule is None or rule.insertion is None:
            return Junk(f"new: the parent has no {node.target} here (at {node.name})")
        try:
            return rule.insertion(InsertedCall(self._child, self._parent, node, self._found.values))
        except Unproven as error:
            return Junk(self._problem_of_operands(node) or f"{error} (at {node.name})")

    def _related(self, node: Node, partner: Node) -> Value:
        """Try the operator's rule, then that nothing changes, then what can be assumed."""
        reason = self._problem_of_operands(node) or f"{node.target} has no rule (at {node.name})"
        rule = rule_of(node.target)
        if rule is not None and node.target == partner.target:
            call = self._call(node, partner)
            try:
                return self._accept(call, rule.relation(call))
            except Unproven as error:
                reason = call.taint or f"{error} (at {node.name})"
        call = self._call(node, partner)
        if self._is_congruent(call):
            return self._accept(call, tuple(map(identity, node.shape or ())))
        call = self._call(node, partner)
        call.taint = reason
        return self._assume(call)

    def _problem_of_operands(self, node: Node) -> str:
        """Why the first operand that is not proven is not; empty if all are."""
        for name in node.refs():
            match self._found.values[name]:
                case Junk(reason) if not self._child[name].is_stored:
                    return reason
                case Related(taint=taint) if taint:
                    return taint
        return ""

    def _call(self, node: Node, partner: Node) -> Call:
        return Call(self._child, self._parent, node, partner, self._found.values, self._maps)

    def _accept(self, call: Call, axes: tuple[AxisRelation, ...]) -> Value:
        """Make a rule's result a value, after a check that it has the shapes of both results."""
        lengths = tuple(len(axis) for axis in axes), tuple(axis.num_parent for axis in axes)
        if lengths != (call.node.shape or (), call.partner.shape or ()):
            raise Unproven(f"the result is {call.node.shape}, in the parent {call.partner.shape}")
        self._keep_tensors(call)
        return Related(call.partner.name, axes, call.taint)

    def _keep_tensors(self, call: Call) -> None:
        """Note the tensors that a rule has solved; a tied one keeps its first solution."""
        solved: dict[str, Assignment] = {}
        for assignment in call.assignments:
            known = self._found.tensors.get(assignment.tensor)
            first = (
                known.assignment if known is not None else solved.setdefault(assignment.tensor, assignment)
            )
            call.require(first == assignment, f"the tied tensor {assignment.tensor} would need two values")
        for name, assignment in solved.items():
            self._found.tensors[name] = Solved(assignment, call.taint)

    def _is_congruent(self, call: Call) -> bool:
        """Whether all that an operator depends on is the same in both networks; then so is its result.

        This holds for every operator that draws no random numbers, known or not. Tensors are copied whole.
        """
        node, partner = call.node, call.partner
        is_same = node.target == partner.target and node.shape == partner.shape and not node.is_random
        return (
            is_same
            and node.arguments.keys() == partner.arguments.keys()
            and all(
                self._is_same_argument(call, ours, partner.arguments[name])
                for name, ours in node.arguments.items()
            )
        )

    def _is_same_argument(self, call: Call, ours: Argument, theirs: Argument) -> bool:
        if isinstance(ours, tuple) and isinstance(theirs, tuple):
            return len(ours) == len(theirs) and all(
                self._is_same_argument(call, a, b) for a, b in zip(ours, theirs, strict=True)
            )
        if not isinstance(ours, Ref) or not isinstance(theirs, Ref):
            return ours == theirs and type(ours) is type(theirs)
        return self._is_same_operand(call, self._child[ours.name], self._parent[theirs.name])

    def _is_same_operand(self, call: Call, ours: Node, theirs: Node) -> bool:
        if ours.is_stored and theirs.is_stored and ours.shape == theirs.shape and ours.dtype == theirs.dtype:
            axes = tuple(rows(identity(size)) for size in ours.shape or ())
            call.assignments.append(Assignment(ours.tensor, theirs.tensor, axes))
            return True
        value = self._found.values[ours.name]
        return (
            isinstance(value, Related)
            and not ours.is_stored
            and not value.taint
            and value.parent == origin(self._parent, theirs.name)
            and all(axis.is_identity for axis in value.axes)
        )

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
