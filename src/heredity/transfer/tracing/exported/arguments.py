"""What torch.fx says of a call becomes plain data: arguments by name, shapes, who shares memory with whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from heredity.errors import UntraceableModule
from heredity.graph import Argument, Ref
from heredity.transfer.tracing.exported.memory import Layout

DROPOUTS = frozenset({"aten.dropout.default", "aten.feature_dropout.default", "aten.alpha_dropout.default"})

ReadNode = Callable[[torch.fx.Node], str]
"""Says which node of the graph holds the value of a node of torch.fx."""


def named_arguments(
    fx_node: torch.fx.Node, schema: torch.FunctionSchema, *, read: ReadNode
) -> dict[str, Argument]:
    """The arguments of a call by the names of the operator's schema, defaults filled in.

    Raises:
        UntraceableModule: One of them is no plain value.
    """
    named: dict[str, Argument] = {}
    for i, parameter in enumerate(schema.arguments):
        if i < len(fx_node.args):
            named[parameter.name] = argument(fx_node.args[i], read=read)
        elif parameter.name in fx_node.kwargs:
            named[parameter.name] = argument(fx_node.kwargs[parameter.name], read=read)
        else:
            named[parameter.name] = argument(parameter.default_value, read=read)
    # A schema calls its first operand "self", which no keyword of ours can be.
    return {"input" if name == "self" else name: value for name, value in named.items()}


def argument(value: object, *, read: ReadNode) -> Argument:
    """One argument as plain data.

    Raises:
        UntraceableModule: It is no plain value.
    """
    if isinstance(value, torch.fx.Node):
        return Ref(read(value))
    if isinstance(value, list | tuple):
        return tuple(argument(part, read=read) for part in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.dtype | torch.device | torch.layout | torch.memory_format):
        return str(value)
    raise UntraceableModule(
        f"The graph holds a {type(value).__name__} ({value!s:.60}), which is no plain value."
    )


def layout_of(value: object) -> Layout:
    """The shape and the element type of what a node of torch.fx computes.

    Raises:
        UntraceableModule: The shape depends on the data.
    """
    if not isinstance(value, torch.Tensor):
        return Layout(None, "")
    if not all(isinstance(size, int) for size in value.shape):
        raise UntraceableModule(f"A shape depends on the data: {tuple(value.shape)}.")
    return Layout(tuple(value.shape), str(value.dtype).removeprefix("torch."))


def source_in_memory(fx_node: torch.fx.Node) -> torch.fx.Node | None:
    """The first operand in whose memory a call's result lies, or the first of its results; or None.

    The fake tensors of torch.export share storage where the real ones do. Schemas do not say it all:
    ``reshape`` and ``contiguous`` may return their operand or a copy. Only dropout that is off seems to copy
    there, and does not.
    """
    if str(fx_node.target) in DROPOUTS and _is_off(fx_node):
        return fx_node.all_input_nodes[0]
    storages = _storages(fx_node)
    if not storages:
        return None
    return next((node for node in fx_node.all_input_nodes if storages[0] in _storages(node)), None)


def _is_off(fx_node: torch.fx.Node) -> bool:
    return (fx_node.args[2] if len(fx_node.args) > 2 else fx_node.kwargs.get("train")) is False


def operand_in_memory(piece: torch.fx.Node, whole: torch.fx.Node) -> torch.fx.Node | None:
    """The operand of a call in whose memory one of the call's results lies; or None.

    ``meshgrid`` and ``broadcast_tensors`` give views of one operand each.
    """
    storages = _storages(piece)
    return next((node for node in whole.all_input_nodes if storages and storages[0] in _storages(node)), None)


def _storages(fx_node: torch.fx.Node) -> list[int]:
    """The identities of the memory in which the results of a call lie."""
    value = fx_node.meta.get("val")
    parts = value if isinstance(value, list | tuple) else [value]
    return [
        part.untyped_storage()._cdata  # noqa: SLF001  # there is no public name for its identity
        for part in parts
        if isinstance(part, torch.Tensor) and part.layout is torch.strided
    ]


def draws_random_numbers(fx_node: torch.fx.Node, arguments: Mapping[str, Argument]) -> bool:
    """Whether two equal calls may give different results."""
    tags = getattr(fx_node.target, "tags", ())
    switched_off = arguments.get("train") is False or arguments.get("dropout_p") == 0
    return torch.Tag.nondeterministic_seeded in tags and not switched_off
