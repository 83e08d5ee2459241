"""In-place operators: each is replaced by its functional twin where nobody can tell the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.errors import UntraceableModule

if TYPE_CHECKING:
    from torch.fx import Node as FxNode

# Dropout returns its operand itself when it is switched off, which its schema does not say.
_MAY_RETURN_OPERAND = frozenset(
    {"aten.dropout.default", "aten.feature_dropout.default", "aten.alpha_dropout.default"}
)


class MutationGuard:
    """Knows which values may share memory, and refuses writes that another reader could see."""

    def __init__(self) -> None:
        self._group: dict[FxNode, set[FxNode]] = {}  # values that may share memory

    def record(self, fx_node: FxNode, schema: torch.FunctionSchema) -> None:
        """Note that a call's result may lie in the memory of its first operand."""
        is_view = any(result.alias_info is not None for result in schema.returns)
        if fx_node.all_input_nodes and (is_view or str(fx_node.target) in _MAY_RETURN_OPERAND):
            self.record_alias(fx_node)

    def record_alias(self, fx_node: FxNode) -> None:
        """Note that a value lies in the memory of its first operand, as a piece of a split does."""
        group = self._group_of(fx_node.all_input_nodes[0])
        group.add(fx_node)
        self._group[fx_node] = group

    def functional(self, fx_node: FxNode) -> str:
        """The name of the operator that computes the same without writing into its operand.

        Raises:
            UntraceableModule: There is none, or the write can be seen: into a tensor of the module, or into
                memory that a later operator reads by another name.
        """
        written = fx_node.args[0] if fx_node.args else None
        overload = fx_node.target
        assert isinstance(overload, torch._ops.OpOverload)  # noqa: S101, SLF001  # the caller has checked it
        name = overload.overloadpacket.__name__
        twin = getattr(torch.ops.aten, name.removesuffix("_"), None)
        has_twin = name.endswith("_") and overload._overloadname in (twin.overloads() if twin else ())  # noqa: SLF001
        if not has_twin or not isinstance(written, torch.fx.Node) or not _writes_only_its_first(overload):
            raise UntraceableModule(
                f"The graph writes in place by {overload!s}, which has no functional twin."
            )
        if any(node.op == "placeholder" for node in self._group_of(written)):
            raise UntraceableModule(f"{overload!s} writes into {written.name}, which is not the graph's own.")
        if self._is_seen(written, fx_node):
            raise UntraceableModule(f"{overload!s} writes into memory that is read later by another name.")
        return f"aten.{name.removesuffix('_')}.{overload._overloadname}"  # noqa: SLF001

    def _group_of(self, fx_node: FxNode) -> set[FxNode]:
        return self._group.setdefault(fx_node, {fx_node})

    def _is_seen(self, written: FxNode, by: FxNode) -> bool:
        """Whether a value other than the written one, in the same memory, is read after the write."""
        others = self._group_of(written) - {written}
        return any(by < user for other in others for user in other.users if user is not by)


def _writes_only_its_first(overload: torch._ops.OpOverload) -> bool:
    infos = [argument.alias_info for argument in overload._schema.arguments]  # noqa: SLF001
    return [info is not None and info.is_write for info in infos] == [i == 0 for i in range(len(infos))]
