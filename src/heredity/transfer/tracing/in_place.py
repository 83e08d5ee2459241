"""The operator that computes the same as an in-place operator, without writing."""

from __future__ import annotations

import torch

from heredity.errors import UntraceableModule

# Twins by another name than that without the underscore.
_TWINS = {
    "aten.bernoulli_.float": "aten.bernoulli.p",
    "aten.bernoulli_.Tensor": "aten.bernoulli.Tensor",
    "aten.normal_.default": "aten.normal_functional.default",
}


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
