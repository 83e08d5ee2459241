"""Rules for recurrent layers and cells: LSTM, GRU and Elman's.

Shapes: H hidden units, G gates of each (4, 3, 1), F features, D directions. Weights GH,F and GH,H; a unit's
gates go with it: rows I_G x E, and the columns that read the hidden units D with D E = 1. A new unit keeps
its own incoming weights, and the old ones do not listen to it yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.transfer.operators.atoms import Atom
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.maps import columns, rows
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, flattened, identity, with_factor_on
from heredity.transfer.operators.rules.affine import require_all_read
from heredity.transfer.operators.rules.entrywise.agreement import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heredity.graph import Node
    from heredity.transfer.operators.atoms import Axis

Axes = tuple[AxisRelation, ...]

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
_CELL = ("w_ih", "w_hh", "b_ih", "b_hh")


def _num_gates(node: Node) -> int:
    name = node.target.removeprefix("aten.").partition(".")[0].removesuffix("_cell")
    return _GATES[name]


def _states(node: Node) -> tuple[str, ...]:
    """The names of the initial states: an LSTM has two."""
    return ("hx.0", "hx.1") if isinstance(node.arguments.get("hx"), tuple) else ("hx",)


def _num_directions(node: Node) -> int:
    return 2 if node.arguments.get("bidirectional") is True else 1


def _layers(node: Node) -> list[tuple[str, ...]]:
    """The names of the tensors of each layer and direction.

    Raises:
        Unproven: There are others than weights and biases.
    """
    params, layers = node.arguments.get("params"), node.arguments.get("num_layers")
    num_each = 4 if node.arguments.get("has_biases") is True else 2
    num_cells = (layers if isinstance(layers, int) else 0) * _num_directions(node)
    if not isinstance(params, tuple) or len(params) != num_each * num_cells:
        raise Unproven("its hidden states are projected")
    names = [f"params.{number}" for number in range(len(params))]
    return [tuple(names[i : i + num_each]) for i in range(0, len(names), num_each)]


def _structure_cell(axes: NodeAxes) -> None:
    hidden = _structure_states(axes)
    _structure_tensors(axes, _CELL, hidden)
    axes.tie("w_ih", 1, "input", -1)
    for user in _parts(axes):
        axes.tie_places((user.name, len(user.shape or ()) - 1), _place(axes, "hx.0"))
    axes.tie("hx", -1, RESULT, -1)
    axes.tie("input", 0, RESULT, 0)


def _place(axes: NodeAxes, name: str) -> tuple[str, int]:
    node = axes.operand(name)
    assert node is not None  # noqa: S101  # an operator of this kind has it
    return node.name, len(node.shape or ()) - 1


def _parts(axes: NodeAxes) -> list[Node]:
    """The nodes that take a part of the result, if it is a list."""
    users = (axes.graph[name] for name in axes.graph.users[axes.node.name])
    return [user for user in users if user.target == "getitem"]


def _structure_states(axes: NodeAxes) -> Axis:
    first, *others = _states(axes.node)
    for other in others:
        axes.tie(first, -1, other, -1)
    return axes.atoms.of(_place(axes, first))


def _structure_tensors(axes: NodeAxes, names: Sequence[str], hidden: Axis) -> None:
    """Rows are gates times hidden units."""
    gates = _num_gates(axes.node)
    for number, name in enumerate(names):
        node = axes.operand(name)
        if node is not None and node.shape:
            axes.atoms.replace((node.name, 0), (Atom(gates, gates), *hidden))
        if number == 1:
            axes.tie(name, 1, _states(axes.node)[0], -1)


def _structure_layers(axes: NodeAxes) -> None:
    try:
        cells = _layers(axes.node)
    except Unproven:
        return
    hidden = _structure_states(axes)
    directions = _num_directions(axes.node)
    whole = (Atom(directions, directions), *hidden) if directions > 1 else hidden
    for number, names in enumerate(cells):
        _structure_tensors(axes, names, hidden)
        node = axes.operand(names[0])
        if number < directions:
            axes.tie(names[0], 1, "input", -1)
        elif node is not None:
            axes.atoms.replace((node.name, 1), whole)
    for user in _parts(axes):
        _structure_result(axes, user, whole if user.arguments.get("index") == 0 else hidden)


def _structure_result(axes: NodeAxes, user: Node, last: Axis) -> None:
    axes.atoms.replace((user.name, len(user.shape or ()) - 1), last)
    operand = axes.operand("input")
    if operand is not None and user.arguments.get("index") == 0:
        for axis in range(len(user.shape or ()) - 1):
            axes.tie_places((operand.name, axis), (user.name, axis))


def _read(call: Call) -> Axes:
    """The input: its features are read by a matrix, all other axes have to be the same."""
    axes = tuple(with_factor_on(call.operand("input"), -1))
    call.require(all(axis.is_identity for axis in axes[:-1]), "the steps or the batch differ")
    return axes


def _hidden(call: Call) -> tuple[Axes, AxisRelation]:
    """The relation of the initial states but for their units, and that of the units.

    A state that is zero need not stay so.
    """
    states = [plain(call.operand(name)) for name in _states(call.node)]
    hidden = states[0][-1]
    for other in states[1:]:
        hidden = hidden.agreeing_with(other[-1])
    others = [axis for state in states for axis in state[:-1]]
    call.require(all(axis.is_identity for axis in others), "the number of states differs")
    return states[0][:-1], hidden


def _solve(call: Call, names: Sequence[str], read: AxisRelation, hidden: AxisRelation) -> None:
    require_all_read(call, read)
    require_all_read(call, hidden)
    gates = rows(flattened([identity(_num_gates(call.node)), hidden]))
    call.assign(names[0], gates, columns(read), reads=1)
    call.assign(names[1], gates, columns(hidden), reads=1)
    for name in names[2:]:
        call.assign(name, gates)


def _relate_cell(call: Call) -> Axes | list[Axes]:
    """One step: each unit's gates read the input and all units."""
    *others, read = _read(call)
    _, hidden = _hidden(call)
    ours, theirs = (
        {name for name in _CELL if node.arguments.get(name) is not None} for node in (call.node, call.partner)
    )
    if ours != theirs:
        raise Unproven("biases are there in one of the two networks only")
    _solve(call, [name for name in _CELL if name in ours], read, hidden)
    result = (*others, hidden)
    return [result, result] if len(_states(call.node)) > 1 else result


def _relate_layers(call: Call) -> list[Axes]:
    """Layers in both directions; all have the same hidden units, since the initial states are one tensor."""
    call.require_same("has_biases", "train", "bidirectional", "batch_first")
    rates = call.argument("dropout"), call.argument_in_parent("dropout")
    call.require_in_training(rates[0] == rates[1], f"dropout is {rates[0]}, in the parent {rates[1]}")
    ours, theirs = _layers(call.node), _layers(call.partner)
    if len(ours) != len(theirs):
        raise Unproven(f"there are {len(ours)} layers and directions, in the parent {len(theirs)}")
    *others, read = _read(call)
    before, hidden = _hidden(call)
    directions = _num_directions(call.node)
    whole = flattened([identity(directions), hidden]) if directions > 1 else hidden
    for number, names in enumerate(ours):
        _solve(call, names, read if number < directions else whole, hidden)
    state = (*before, hidden)
    return [(*others, whole), *([state] * len(_states(call.node)))]


register(*(f"aten.{name}.input" for name in _GATES), rule=OperatorRule(_structure_layers, _relate_layers))
register(*(f"aten.{name}_cell.default" for name in _GATES), rule=OperatorRule(_structure_cell, _relate_cell))
