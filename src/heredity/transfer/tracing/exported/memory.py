"""Which values lie in the same memory, and what a write into one of them means for the others.

A graph has no memory: each node is a value. A write makes a new value, as in functionalization (He and Yang,
"Functionalization in PyTorch", 2021). A view that is read later is taken again from the new value; a write
through a view is scattered back into what it is a view of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heredity.errors import UntraceableModule
from heredity.graph import Argument, Ref

Append = Callable[[str, Mapping[str, Argument], "Layout"], str]
"""Adds a call to the graph: its operator, its arguments and its result's layout; returns the call's name."""

# These give all entries of their operand, in order, in another shape.
_RESHAPING = frozenset(
    {
        "aten.view.default",
        "aten.reshape.default",
        "aten._unsafe_view.default",
        "aten.flatten.using_ints",
        "aten.ravel.default",
        "aten.unflatten.int",
        "aten.squeeze.default",
        "aten.squeeze.dim",
        "aten.squeeze.dims",
        "aten.unsqueeze.default",
        "aten.dropout.default",
        "aten.feature_dropout.default",
        "aten.alpha_dropout.default",
    }
)
# These undo themselves.
_SWAPPING = frozenset(
    {
        "aten.transpose.int",
        "aten.t.default",
        "aten.swapaxes.default",
        "aten.swapdims.default",
        "aten.mT.default",
        "aten.numpy_T.default",
    }
)
# These give a part of their operand, and have a twin that puts a part back.
_SCATTERING = {
    "aten.slice.Tensor": "aten.slice_scatter.default",
    "aten.select.int": "aten.select_scatter.default",
    "aten.diagonal.default": "aten.diagonal_scatter.default",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape and the element type of a value; no shape if it is not one tensor."""

    shape: tuple[int, ...] | None
    dtype: str


@dataclass(frozen=True, slots=True)
class View:
    """How a value is taken from the one in whose memory it lies; ``input`` is left out of the arguments."""

    target: str
    arguments: Mapping[str, Argument]


@dataclass(eq=False, slots=True)
class Value:
    """A tensor of the program, which keeps its identity when it is written.

    Attributes:
        node: The node of the graph that holds what was in it when it was last read or written.
        layout: Its shape and element type.
        source: The value in whose memory it lies.
        view: How it is taken from that; None if that is not known.
        state: The name of the module's tensor that it is.
        version: How often its memory had been written when `node` was right.
    """

    node: str
    layout: Layout
    source: Value | None = None
    view: View | None = None
    state: str = ""
    version: int = 0

    @property
    def root(self) -> Value:
        """The value that owns the memory."""
        return self if self.source is None else self.source.root


class Memory:
    """Reads and writes values, and adds the calls to a graph that this takes."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self.written_state: dict[str, str] = {}
        """The nodes that hold what was written into a tensor of the module, with the tensor's name."""

    def view_of(self, source: Value, node: str, layout: Layout, view: View | None) -> Value:
        """A value that was just taken from another one, in its memory."""
        return Value(node, layout, source, view, version=source.root.version)

    def read(self, value: Value) -> str:
        """The node that holds what is in a value now.

        Raises:
            UntraceableModule: It was written behind a view of a kind that cannot be taken again.
        """
        if value.source is not None and value.version != value.root.version:
            view = value.view
            if view is None:
                raise UntraceableModule(
                    f"{value.node} is read after a write into its memory by another name, and how to express "
                    "that is not known.",
                    hint="Write it without an in-place operator.",
                )
            arguments = {"input": Ref(self.read(value.source)), **view.arguments}
            value.node = self._append(view.target, arguments, value.layout)
            value.version = value.root.version
        return value.node

    def write(self, value: Value, node: str) -> None:
        """Put what a node holds into a value, and so into all that lies in the same memory.

        Raises:
            UntraceableModule: It is a view of a kind through which no write can be expressed.
        """
        written = [(value, node)]
        while value.source is not None:
            node = self._scatter(value.source, value.view, node)
            value = value.source
            written.append((value, node))
        value.version += 1
        for each, new in written:
            each.node, each.version = new, value.version
            if value.state:
                self.written_state[new] = value.state

    def _scatter(self, source: Value, view: View | None, node: str) -> str:
        """The node for all of a value after a part of it, or a view of it, was written."""
        new: dict[str, Argument] = {"input": Ref(node)}
        if view is not None and view.target in _RESHAPING:
            shape = {"shape": source.layout.shape or ()}
            return self._append("aten.reshape.default", new | shape, source.layout)
        if view is not None and view.target in _SWAPPING:
            return self._append(view.target, {**new, **view.arguments}, source.layout)
        if view is not None and view.target == "aten.permute.default":
            return self._append(view.target, {**new, "dims": _inverse(view.arguments["dims"])}, source.layout)
        if view is not None and view.target in {"aten.movedim.int", "aten.movedim.intlist"}:
            back = {"source": view.arguments["destination"], "destination": view.arguments["source"]}
            return self._append(view.target, new | back, source.layout)
        if view is not None and view.target == "aten.narrow.default":
            view = _as_slice(view)
        if view is not None and view.target in _SCATTERING:
            whole: dict[str, Argument] = {"input": Ref(self.read(source)), "src": Ref(node)}
            return self._append(_SCATTERING[view.target], {**whole, **view.arguments}, source.layout)
        name = view.target if view is not None else "a view"
        raise UntraceableModule(
            f"The graph writes through {name}, and how to express that is not known.",
            hint="Write it without an in-place operator.",
        )


def _inverse(dims: Argument) -> Argument:
    assert isinstance(dims, tuple)  # noqa: S101  # the operator's schema says so
    places = [int(dim) % len(dims) for dim in dims if isinstance(dim, int)]
    return tuple(places.index(i) for i in range(len(places)))


def _as_slice(view: View) -> View:
    start, length = view.arguments["start"], view.arguments["length"]
    assert isinstance(start, int)  # noqa: S101  # the operator's schema says so
    assert isinstance(length, int)  # noqa: S101
    # Counted from the end, a slice that reaches the end would end before the first entry.
    end = start + length if start >= 0 or start + length < 0 else None
    part: dict[str, Argument] = {"dim": view.arguments["dim"], "start": start, "end": end, "step": 1}
    return View("aten.slice.Tensor", part)
