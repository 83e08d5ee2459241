"""The modules that own tensors, in the order of their calls: what remains where no graph can be recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.utils._pytree import tree_leaves

from heredity.graph import Argument, Graph, Kind, Node, Ref
from heredity.transfer.tracing.exported.arguments import layout_of
from heredity.transfer.tracing.trace import REFUSALS, Inputs, modes_restored


def trace_leaf_modules(module: torch.nn.Module, example_inputs: Inputs) -> Graph:
    """Record which modules own which tensors, in the order in which they are first called.

    Unlike `trace` this runs the module, once, in eval mode and without gradients; buffers that it writes and
    torch's random numbers are restored. If it fails, and for modules that are not called, the order is that
    in which they are registered.

    The graph says nothing of how the modules are connected. Each is a call of a target such as
    ``module.Linear`` with its tensors; all end in one call of ``module.forward``, which draws random numbers
    as far as anybody can know, so that nothing is proven over such a graph.

    Args:
        module: The module; nothing of it is changed.
        example_inputs: A tuple of positional or a mapping of keyword arguments.
    """
    owned = _owned_tensors(module)
    called, failure = _call_order(module, example_inputs, names=frozenset(owned))
    builder = _Builder()
    for name in dict.fromkeys([*called, *owned]):
        builder.add(name, type(module.get_submodule(name)).__name__, owned[name])
    return builder.graph(example_inputs, failure=failure)


@dataclass(frozen=True, slots=True)
class _Own:
    """A tensor that a module owns itself, by its name in the module and in the state dict."""

    role: str
    name: str
    tensor: torch.Tensor
    kind: Kind


def _owned_tensors(module: torch.nn.Module) -> dict[str, list[_Own]]:
    """For each module that owns tensors of the state dict, these tensors."""
    kept = module.state_dict().keys()
    parameters, buffers = (
        module.named_parameters(remove_duplicate=False),
        module.named_buffers(remove_duplicate=False),
    )
    owned: dict[str, list[_Own]] = {}
    for kind, tensors in ((Kind.PARAMETER, parameters), (Kind.BUFFER, buffers)):
        for name, tensor in tensors:
            owner, _, role = name.rpartition(".")
            if name in kept:
                owned.setdefault(owner, []).append(_Own(role, name, tensor, kind))
    return {name: owned[name] for name, _ in module.named_modules() if name in owned}


def _call_order(module: torch.nn.Module, inputs: Inputs, *, names: frozenset[str]) -> tuple[list[str], str]:
    """The modules in the order in which they are entered, and why that ended early, if it did."""
    order: list[str] = []

    def note(name: str) -> torch.utils.hooks.RemovableHandle:
        return module.get_submodule(name).register_forward_pre_hook(lambda *_: order.append(name))

    handles = [note(name) for name in sorted(names)]
    buffers = [(buffer, buffer.detach().clone()) for buffer in module.buffers()]
    try:
        with modes_restored(module), torch.no_grad(), torch.random.fork_rng():
            module.eval()
            if isinstance(inputs, Mapping):
                module(**inputs)
            else:
                module(*inputs)
    except REFUSALS as error:
        return order, f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        for handle in handles:
            handle.remove()
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
    return order, ""


class _Builder:
    """Collects the nodes of a graph without connections."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._calls: list[Ref] = []
        self._tied: dict[str, str] = {}
        self._node_of: dict[int, Node] = {}

    def add(self, name: str, kind: str, owned: list[_Own]) -> None:
        """Add a module with its tensors; a tensor that was met before is tied."""
        arguments: dict[str, Argument] = {each.role: Ref(self._tensor(each)) for each in owned}
        call = f"module.{name}"
        self._nodes.append(Node(call, Kind.CALL, f"module.{kind}", arguments))
        self._calls.append(Ref(call))

    def _tensor(self, own: _Own) -> str:
        known = self._node_of.get(id(own.tensor))
        if known is not None:
            self._tied[own.name] = known.tensor
            return known.name
        layout = layout_of(own.tensor)
        node = Node(f"tensor.{own.name}", own.kind, shape=layout.shape, dtype=layout.dtype, tensor=own.name)
        self._node_of[id(own.tensor)] = node
        self._nodes.append(node)
        return node.name

    def graph(self, example_inputs: Inputs, *, failure: str) -> Graph:
        """The graph, its inputs and its end added."""
        keyed = example_inputs if isinstance(example_inputs, Mapping) else {}
        given = keyed or {f"args_{i}": leaf for i, leaf in enumerate(tree_leaves(example_inputs))}
        layouts = {name: layout_of(value) for name, value in given.items() if isinstance(value, torch.Tensor)}
        inputs = [
            Node(name, Kind.INPUT, shape=layout.shape, dtype=layout.dtype) for name, layout in layouts.items()
        ]
        reads = (*(Ref(node.name) for node in inputs), *self._calls)
        end = Node(
            "forward", Kind.CALL, "module.forward", {"input": reads, "failure": failure}, is_random=True
        )
        output = Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("forward"),), "keys": ()})
        nodes = (*inputs, *self._nodes, end, output)
        return Graph(nodes, tied=self._tied, keywords=tuple(layouts) if keyed else ())
