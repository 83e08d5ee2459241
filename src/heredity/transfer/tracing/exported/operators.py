"""Operators that tracing treats apart: assertions, copies, writes in place, pieces of a split, regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.errors import UntraceableModule
from heredity.transfer.tracing.exported.memory import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heredity.graph import Argument
    from heredity.transfer.tracing.exported.memory import Layout

# They return what they are given, as it is or in memory of its own.
_KEEPING = frozenset(
    {
        "aten.alias.default",
        "aten.clone.default",
        "aten.contiguous.default",
        "aten.detach.default",
        "aten.detach_.default",
        "aten.lift.default",
        "aten.lift_fresh.default",
        "aten.lift_fresh_copy.default",
        "aten.requires_grad_.default",
    }
)
# They do so unless they change the element type or the device.
_CASTING = frozenset(
    {
        "aten.to.dtype",
        "aten.to.dtype_layout",
        "aten.to.device",
        "aten.to.other",
        "aten._to_copy.default",
        "aten.type_as.default",
    }
)
# Twins by another name than that without the underscore.
_TWINS = {
    "aten.bernoulli_.float": "aten.bernoulli.p",
    "aten.bernoulli_.Tensor": "aten.bernoulli.Tensor",
    "aten.normal_.default": "aten.normal_functional.default",
}

_ASSERTING = ("aten._assert", "aten.sym_constrain", "aten._functional_assert", "aten._functional_sym")


def is_assertion(overload: torch._ops.OpOverload) -> bool:
    """Whether an operator only checks what is true of all inputs of these shapes."""
    return str(overload).startswith(_ASSERTING)


def keeps_value(fx_node: torch.fx.Node) -> bool:
    """Whether a call returns its first operand, or a copy of it."""
    target = str(fx_node.target)
    if target in _KEEPING:
        return True
    if target not in _CASTING:
        return False
    before, after = fx_node.all_input_nodes[0].meta.get("val"), fx_node.meta.get("val")
    if not isinstance(before, torch.Tensor) or not isinstance(after, torch.Tensor):
        return False
    return (before.dtype, before.device) == (after.dtype, after.device)


def piece_of(view: View, index: int, whole: Layout) -> View | None:
    """How one of the pieces that an operator gives is taken directly; None if that is not known."""
    dim = view.arguments.get("dim")
    if not isinstance(dim, int) or whole.shape is None:
        return None
    length = whole.shape[dim]
    if view.target == "aten.unbind.int":
        return View("aten.select.int", {"dim": dim, "index": index})
    starts = _starts(view, length)
    if starts is None:
        return None
    part: dict[str, Argument] = {"dim": dim, "start": starts[index], "end": starts[index + 1], "step": 1}
    return View("aten.slice.Tensor", part)


def _starts(view: View, length: int) -> list[int] | None:
    """Where the pieces of a split begin, and where the last one ends."""
    chunks, size = view.arguments.get("chunks"), view.arguments.get("split_size")
    sizes = view.arguments.get("split_sizes")
    if view.target == "aten.chunk.default" and isinstance(chunks, int):
        size = -(-length // chunks)
    if isinstance(size, int) and view.target in {"aten.chunk.default", "aten.split.Tensor"}:
        return [*range(0, length, max(size, 1)), length]
    if view.target == "aten.split_with_sizes.default" and isinstance(sizes, tuple):
        whole = [size for size in sizes if isinstance(size, int)]
        return [sum(whole[:i]) for i in range(len(whole) + 1)]
    return None


def region_of(fx_node: torch.fx.Node) -> tuple[torch.fx.GraphModule, Sequence[torch.fx.Node]] | None:
    """The program of a region that changes no value (gradients or mixed precision off), and its operands.

    Raises:
        UntraceableModule: The region has mixed precision on, which changes the types of what is in it.
    """
    name = getattr(fx_node.target, "__name__", "")
    if not isinstance(fx_node.target, torch._ops.HigherOrderOperator):  # noqa: SLF001  # no public name
        return None
    if name == "wrap_with_set_grad_enabled":
        _, body, *operands = fx_node.args
    elif name == "wrap_with_autocast":
        device, _, is_enabled, _, body, *operands = fx_node.args
        if is_enabled:
            raise UntraceableModule(
                f"The module switches on mixed precision on {device} in its forward, which has no form as "
                "data yet.",
                hint="Switch it on around the module, in the training loop.",
            )
    else:
        raise UntraceableModule(f"The graph holds {name}, which has no form as data yet.")
    assert isinstance(body, torch.fx.Node)  # noqa: S101  # these operators' signature
    program = getattr(fx_node.graph.owning_module, str(body.target))
    return program, [operand for operand in operands if isinstance(operand, torch.fx.Node)]


def functional_twin(overload: torch._ops.OpOverload) -> str:
    """The name of the twin.

    Raises:
        UntraceableModule: There is none, or it writes into something else than its first operand.
    """
    if not _writes_only_its_first(overload) or torch.Tag.inplace_view in overload.tags:
        raise _no_twin(overload)
    if str(overload) in _TWINS:
        return _TWINS[str(overload)]
    name, kind = overload.overloadpacket.__name__, overload._overloadname  # noqa: SLF001  # no public name
    twin = getattr(torch.ops.aten, name.removesuffix("_"), None)
    if overload.namespace != "aten" or not name.endswith("_") or twin is None or kind not in twin.overloads():
        raise _no_twin(overload)
    return f"aten.{name.removesuffix('_')}.{kind}"


def may_change_type(fx_node: torch.fx.Node) -> bool:
    """Whether the twin of an in-place call may give another element type: it promotes, a write does not."""
    tags = getattr(fx_node.target, "tags", ())
    values = [node.meta.get("val") for node in fx_node.all_input_nodes]
    types = {value.dtype for value in values if isinstance(value, torch.Tensor)}
    return torch.Tag.pointwise in tags and len(types) > 1


def _writes_only_its_first(overload: torch._ops.OpOverload) -> bool:
    infos = [argument.alias_info for argument in overload._schema.arguments]  # noqa: SLF001  # no public name
    return [info is not None and info.is_write for info in infos] == [i == 0 for i in range(len(infos))]


def _no_twin(overload: torch._ops.OpOverload) -> UntraceableModule:
    return UntraceableModule(f"The graph writes in place by {overload!s}, which has no functional twin.")
