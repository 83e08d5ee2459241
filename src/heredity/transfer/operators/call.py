"""What a relation rule sees: one operator of the child, its partner in the parent, and what is proven so far.

A rule states what it needs (`Call.require`). A need that is not met does not stop it: the call is tainted
with the reason, the rule goes on with what the structure proposes, and everything that depends on it is
approximate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heredity.graph import Argument, Graph, Node, Ref, origin
from heredity.transfer.operators.arguments import argument_at, holds_nodes, text
from heredity.transfer.operators.assigning import assigned
from heredity.transfer.operators.maps import Assignment, constant, rows
from heredity.transfer.operators.relation import (
    AxisRelation,
    Junk,
    Related,
    Several,
    Unproven,
    Value,
    Zero,
    is_close,
    total_factor,
)
from heredity.transfer.operators.tensor_view import TensorView, tensor_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.transfer.passes.choose import AxisMaps
    from heredity.transfer.plans.plan import AxisMap

Axes = tuple[AxisRelation, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is proven before a call.

    Attributes:
        child: The child's graph.
        parent: The parent's graph.
        values: How each value so far relates to the parent.
        tensors: The tensors that are solved so far.
        maps: What is proposed for the axes.
    """

    child: Graph
    parent: Graph
    values: Mapping[str, Value]
    tensors: Mapping[str, Assignment]
    maps: AxisMaps


@dataclass(frozen=True, slots=True)
class Demand:
    """A value would have to be multiplied by a factor for a proof to go on.

    Attributes:
        node: The child's node of the value.
        factor: The factor.
    """

    node: str
    factor: float


@dataclass
class Call:
    """One operator of the child and its partner, while its rule runs.

    Attributes:
        known: What is proven before it.
        node: The child's operator.
        partner: The parent's operator that it is aligned with.
        assignments: The tensors that the rule has solved.
        taint: The first reason why the result is not proven; empty so far if it is.
        training_taint: The first reason why it is not in train mode.
        demands: What would have to be multiplied.
    """

    known: Known
    node: Node
    partner: Node
    assignments: list[Assignment] = field(default_factory=list)
    taint: str = ""
    training_taint: str = ""
    demands: list[Demand] = field(default_factory=list)

    def require(self, condition: bool, reason: str) -> None:  # noqa: FBT001  # it reads like an assertion
        """State what the proof needs. If it does not hold, the result is tainted with the reason."""
        if not condition and not self.taint:
            self.taint = f"{reason} (at {self.node.name})"

    def require_in_training(self, condition: bool, reason: str) -> None:  # noqa: FBT001
        """State what the proof needs in train mode only."""
        if not condition and not self.training_taint:
            self.training_taint = f"{reason} (at {self.node.name})"

    def require_same(self, *names: str) -> None:
        """Require that these arguments are equal in both networks."""
        for name in names:
            ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(name)
            # Two networks' nodes may have one name and be different nodes.
            is_same = ours == theirs and not holds_nodes(ours)
            self.require(is_same, f"{name} is {text(ours)}, in the parent {text(theirs)}")

    def require_factor(self, name: str, factor: float, reason: str) -> None:
        """Require that a factor is 1; if it is not, demand that the operand be divided by it."""
        if factor != 1 and not self.taint:
            ref = self.node.arguments.get(name)
            if isinstance(ref, Ref) and factor > 0:
                self.demands.append(Demand(ref.name, 1 / factor))
            self.require(condition=False, reason=f"{reason} {factor:g} times the parent's")

    def wish_unscaled(self, name: str, axes: Axes) -> None:
        """Demand that an operand be divided by the factor that all of it has, if that is not 1."""
        factor, ref = total_factor(axes), self.node.arguments.get(name)
        if isinstance(ref, Ref) and factor > 0 and not is_close(factor, 1.0) and not self.taint:
            self.demands.append(Demand(ref.name, 1 / factor))

    def argument(self, name: str) -> Argument:
        """A plain argument of the child's operator."""
        return self.node.arguments.get(name)

    def argument_in_parent(self, name: str) -> Argument:
        """A plain argument of the partner."""
        return self.partner.arguments.get(name)

    def has(self, name: str) -> tuple[bool, bool]:
        """Whether the child's operator, and its partner, have this operand."""
        ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(name)
        return isinstance(ours, Ref), isinstance(theirs, Ref)

    def shapes(self, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of an operand in the child and in the parent.

        Raises:
            Unproven: It is not a tensor in both networks.
        """
        ours, theirs = self._pair(name)
        return ours.shape or (), theirs.shape or ()

    def is_tensor(self, name: str) -> bool:
        """Whether an operand is, in both networks, a tensor of the state dict or a view of one."""
        try:
            return None not in self._views(*self._pair(name))
        except Unproven:
            return False

    def reads(self, name: str, *, as_partner: str) -> bool:
        """Whether an operand relates to the partner's operand of another name, as in a swapped sum."""
        ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(as_partner)
        if not isinstance(ours, Ref) or not isinstance(theirs, Ref):
            return False
        value = self.known.values[ours.name]
        return isinstance(value, Related) and value.parent == origin(self.known.parent, theirs.name)

    def operand(self, name: str, *, as_partner: str = "") -> Axes:
        """How an operand relates to the partner's operand, axis by axis.

        If that is not proven, the call is tainted and the proposal is returned. A tensor of the state dict is
        solved so that it relates as proposed.

        Args:
            name: The operand.
            as_partner: The partner's operand; the one of the same name if this is empty.

        Raises:
            Unproven: There is not even a proposal.
        """
        return self._related(name, *self._pair(name, as_partner))

    def operands(self, name: str) -> tuple[Axes, ...]:
        """How each part of an operand that is a list relates to the partner's.

        Raises:
            Unproven: They are not lists of as many tensors.
        """
        ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(name)
        is_list = isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs)
        if not is_list or not isinstance(ours, tuple) or not isinstance(theirs, tuple):
            raise Unproven(f"{name} is {text(ours)}, in the parent {text(theirs)}")
        found = []
        for a, b in zip(ours, theirs, strict=True):
            if not isinstance(a, Ref) or not isinstance(b, Ref):
                raise Unproven(f"{name} holds {text(a)}, in the parent {text(b)}")
            found.append(self._related(name, self.known.child[a.name], self.known.parent[b.name]))
        return tuple(found)

    def part(self, name: str, index: tuple[int, int]) -> Axes:
        """How a part of an operand that is a list, as a split returns it, relates to the partner's.

        Args:
            name: The operand.
            index: Which part, in the child and in the parent.

        Raises:
            Unproven: The operand is not known to be the parent's list.
        """
        ours, theirs = self._pair(name)
        value = self.known.values[ours.name]
        if not isinstance(value, Several) or value.parent != origin(self.known.parent, theirs.name):
            raise Unproven(value.reason if isinstance(value, Junk) else f"{name} is not the parent's list")
        if index[0] != index[1] or not -len(value.parts) <= index[0] < len(value.parts):
            raise Unproven(f"the parent takes part {index[1]}, the child {index[0]} of {len(value.parts)}")
        self.taint = self.taint or value.taint
        self.training_taint = self.training_taint or value.training_taint
        return value.parts[index[0]]

    def proposal(self, ours: str = "", theirs: str = "") -> Axes:
        """What the structure proposes for a value, axis by axis; for the result if no names are given.

        Raises:
            Unproven: The values have different numbers of axes.
        """
        child_node = self.known.child[ours] if ours else self.node
        parent_node = self.known.parent[theirs] if theirs else self.partner
        child_shape, parent_shape = child_node.shape, parent_node.shape
        if child_shape is None or parent_shape is None or len(child_shape) != len(parent_shape):
            raise Unproven(f"{child_node.name} has shape {child_shape}, in the parent {parent_shape}")
        return tuple(
            self.known.maps.of((child_node.name, axis), num_parent=n, num_child=m)
            for axis, (n, m) in enumerate(zip(parent_shape, child_shape, strict=True))
        )

    def produced(self, axis: int) -> AxisRelation:
        """The relation that the operator's result is to have along the axis that its tensors produce.

        Raises:
            Unproven: The results have different numbers of axes.
        """
        factors = self.known.maps.factors.get(self.node.name)
        proposed = self.proposal()[axis]
        if factors is None:
            return proposed
        is_last = axis % len(self.node.shape or ()) == len(self.node.shape or ()) - 1
        return proposed.times(factors if is_last else float(factors[0]))

    def solved(self, name: str) -> tuple[AxisMap, ...] | None:
        """The maps of a tensor operand that another operator has solved before, as this one reads it."""
        ours, theirs = self._views(*self._pair(name))
        if ours is None or theirs is None or ours.axes != theirs.axes or ours.length is not None:
            return None
        assignment = self.known.tensors.get(ours.node.tensor)
        if assignment is None or assignment.source != theirs.node.tensor or assignment.value != ours.added:
            return None
        if any(axis is None for axis in ours.axes):
            return None
        return tuple(assignment.axes[axis] for axis in ours.axes if axis is not None)

    def assign(self, name: str, *axes: AxisMap, as_partner: str = "", reads: int | None = None) -> None:
        """Solve a tensor operand: the parent's tensor through these maps.

        Args:
            name: The operand.
            *axes: One map for each axis, as the operator reads the tensor.
            as_partner: The partner's operand; the one of the same name if this is empty.
            reads: The axis along which the tensor reads what may be copies.

        Raises:
            Unproven: It is no tensor of the state dict, or does not have the shape that the maps are for.
        """
        self._assign(name, *self._pair(name, as_partner), axes, reads)

    def assign_constant(self, name: str, value: float) -> None:
        """Solve a tensor that only the child has: this value all over.

        Raises:
            Unproven: It is not a tensor of the state dict.
        """
        self.assignments.append(constant(self.known.child, self.node, name, value))

    def _related(self, name: str, ours: Node, theirs: Node) -> Axes:
        if tensor_view(self.known.child, ours.name) is not None:
            axes = self.proposal(ours.name, theirs.name)
            self._assign(name, ours, theirs, tuple(map(rows, axes)), None)
            return axes
        value = self.known.values[ours.name]
        expected = origin(self.known.parent, theirs.name)
        if isinstance(value, Related) and value.parent == expected:
            self.taint = self.taint or value.taint
            self.training_taint = self.training_taint or value.training_taint
            return value.axes
        self._note_unrelated(name, value, expected)
        return self.proposal(ours.name, theirs.name)

    def _note_unrelated(self, name: str, value: Value, expected: str) -> None:
        if isinstance(value, Junk):
            self.taint = self.taint or value.reason
            return
        found = "zero" if isinstance(value, Zero) else "a list"
        found = f"the parent's {value.parent}" if isinstance(value, Related) else found
        self.require(condition=False, reason=f"{name} is {found}, but the parent reads {expected}")

    def _pair(self, name: str, as_partner: str = "") -> tuple[Node, Node]:
        ours, theirs = argument_at(self.node, name), argument_at(self.partner, as_partner or name)
        if not isinstance(ours, Ref) or not isinstance(theirs, Ref):
            raise Unproven(f"{name} is {text(ours)}, in the parent {text(theirs)}")
        return self.known.child[ours.name], self.known.parent[theirs.name]

    def _views(self, ours: Node, theirs: Node) -> tuple[TensorView | None, TensorView | None]:
        return tensor_view(self.known.child, ours.name), tensor_view(self.known.parent, theirs.name)

    def _assign(
        self, name: str, ours: Node, theirs: Node, axes: tuple[AxisMap, ...], reads: int | None
    ) -> None:
        assignments, problem = assigned(name, self._views(ours, theirs), axes, reads)
        self.require(not problem, problem)
        self.assignments += assignments


@dataclass
class InsertedCall:
    """One operator that only the child has, while its rule runs.

    Attributes:
        known: What is proven before it.
        node: The child's operator.
        is_identity: Whether its tensors should be set so that it changes nothing.
        assignments: The tensors that the rule has solved.
        training_taint: Why the result is not proven in train mode; empty if it is.
        to_be_zero: The operands that would have to be zero for something to be proven.
    """

    known: Known
    node: Node
    is_identity: bool = False
    assignments: list[Assignment] = field(default_factory=list)
    training_taint: str = ""
    to_be_zero: list[str] = field(default_factory=list)

    def operand(self, name: str) -> Value:
        """What is known of an operand.

        Raises:
            Unproven: It is not the value of a node.
        """
        ref = self.node.arguments.get(name)
        if not isinstance(ref, Ref):
            raise Unproven(f"{name} is {text(ref)}")
        return self.known.values[ref.name]

    def operands(self, name: str) -> tuple[Value, ...]:
        """What is known of each part of an operand that is a list.

        Raises:
            Unproven: It is no list of values of nodes.
        """
        parts = self.node.arguments.get(name)
        refs = [part for part in parts if isinstance(part, Ref)] if isinstance(parts, tuple) else []
        if not isinstance(parts, tuple) or len(refs) != len(parts):
            raise Unproven(f"{name} is no list of tensors")
        return tuple(self.known.values[ref.name] for ref in refs)

    def demand_zero(self, name: str) -> None:
        """State that an operand would have to be zero."""
        ref = self.node.arguments.get(name)
        if isinstance(ref, Ref):
            self.to_be_zero.append(ref.name)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an operand; empty if there is none."""
        ref = self.node.arguments.get(name)
        return (self.known.child[ref.name].shape or ()) if isinstance(ref, Ref) else ()

    def assign_constant(self, name: str, value: float) -> None:
        """Solve a tensor: this value all over. Absent operands are passed over.

        Raises:
            Unproven: It is not a tensor of the state dict that no other operator reads.
        """
        if isinstance(self.node.arguments.get(name), Ref):
            self._add(name, constant(self.known.child, self.node, name, value))

    def assign_identity(self, name: str, out: AxisMap, read: AxisMap) -> None:
        """Solve a weight so that it hands on what it reads.

        Raises:
            Unproven: It is not a tensor of the state dict that no other operator reads.
        """
        tensor = constant(self.known.child, self.node, name, 0.0).tensor
        ref = self.node.arguments[name]
        if not isinstance(ref, Ref) or not self.known.child[ref.name].is_stored:
            raise Unproven(f"{name} is a view of {tensor}")
        self._add(name, Assignment(tensor, "", (out, read)))

    def _add(self, name: str, assignment: Assignment) -> None:
        users = self.known.child.users[self.known.child.tensors[assignment.tensor].name]
        if len(users) != 1 or assignment.tensor in self.known.tensors:
            raise Unproven(f"{name} is read by another operator too")
        self.assignments.append(assignment)
