"""What others do: weights by name, overlapping blocks, equal prefixes, Net2Net's copies, stacked blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transfer_peers_tasks import Family

from heredity.graph import Graph

# Of the standard deviation of the new columns: the Net2Net example of Keras (examples/mnist_net2net.py).
NET2NET_NOISE = 0.05
# Of the range of a tensor's numbers: Auto-Keras 0.4 (nn/layer_transformer.py).
AUTO_KERAS_NOISE = 1e-4


@dataclass(frozen=True, eq=False)
class Pair:
    """A trained parent, a child that has only begun, and what they are."""

    family: Family
    parent: nn.Module
    child: nn.Module
    graphs: tuple[Graph, Graph]
    seed: int


def partial_load(pair: Pair) -> None:
    """``load_state_dict(strict=False)`` of the tensors whose name and shape agree."""
    own = pair.child.state_dict()
    kept = {
        name: tensor
        for name, tensor in pair.parent.state_dict().items()
        if name in own and own[name].shape == tensor.shape
    }
    pair.child.load_state_dict(kept, strict=False)


def slices(pair: Pair) -> None:
    """Of tensors with one name, the block that both have; the rest keeps the child's random numbers."""
    _paste(pair, lambda name: name)


def stacked(pair: Pair) -> None:
    """G_stack (Du et al., 2024, arXiv:2405.15319): the parent's blocks again and again; widths by slices."""
    num_blocks, names = pair.family.parent[1], pair.parent.state_dict().keys()

    def source_of(name: str) -> str:
        again = re.sub(r"\.(\d+)\.", lambda found: f".{int(found[1]) % num_blocks}.", name, count=1)
        return name if name in names else again

    _paste(pair, source_of)


def _paste(pair: Pair, source_of: Callable[[str], str]) -> None:
    tensors = pair.parent.state_dict()
    for name, own in pair.child.state_dict().items():
        source = tensors.get(source_of(name))
        if source is not None:
            block = tuple(slice(0, min(a, b)) for a, b in zip(own.shape, source.shape, strict=True))
            own[block] = source[block]


def prefix(pair: Pair) -> None:
    """The longest run of layers, from the input on, that are exactly alike, as EvoStore shares them.

    EvoStore (Madhyastha et al., 2024, HPDC) also freezes them; here they are trained like all others.
    """
    for theirs, own in zip(_layers(pair.parent), _layers(pair.child), strict=False):
        if _kind(theirs) != _kind(own):
            return
        own.load_state_dict(theirs.state_dict())


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """Those with tensors of their own; our modules are defined in the order in which they run."""
    for layer in module.modules():
        if not list(layer.children()) and layer.state_dict():
            yield layer


def _kind(layer: nn.Module) -> tuple[str, dict[str, torch.Size]]:
    return str(layer), {name: tensor.shape for name, tensor in layer.state_dict().items()}


def net2net(pair: Pair) -> None:
    """Net2Net (Chen et al., 2016, arXiv:1511.05641) with the noise of its example in Keras."""
    _replicate(pair, lambda columns: torch.randn(columns.shape) * NET2NET_NOISE * columns.std())


def auto_keras(pair: Pair) -> None:
    """The same with the noise of Auto-Keras (Jin et al., 2019, KDD)."""
    _replicate(
        pair,
        lambda columns: (
            (torch.rand(columns.shape) - 0.5) * AUTO_KERAS_NOISE * (columns.max() - columns.min())
        ),
    )


def _replicate(pair: Pair, noise: Callable[[Tensor], Tensor]) -> None:
    """Copies of units; what reads them is divided by their number, with noise; new branches end in zero."""
    torch.manual_seed(pair.seed)
    tensors = pair.parent.state_dict()
    tables = {
        f"{name}.weight" for name, layer in pair.child.named_modules() if isinstance(layer, nn.Embedding)
    }
    for name, own in pair.child.state_dict().items():
        if name in tensors:
            own.copy_(_widened(tensors[name], own, noise=noise, is_table=name in tables))
        elif name.endswith(pair.family.branch_ends):
            own.zero_()


def _widened(tensor: Tensor, own: Tensor, *, noise: Callable[[Tensor], Tensor], is_table: bool) -> Tensor:
    for axis, (num_old, num_new) in enumerate(zip(tensor.shape, own.shape, strict=True)):
        if num_old == num_new:
            continue
        # In turn, not at random: only so are a norm's mean square and the order within heads kept
        # (bert2BERT: Chen et al., 2022, arXiv:2110.07143).
        picked = torch.arange(num_new) % num_old
        tensor = tensor.index_select(axis, picked)
        if axis == 1 and not is_table:
            counts = torch.bincount(picked)[picked].reshape(-1, *[1] * (tensor.dim() - 2))
            tensor = tensor / counts
            tensor[:, num_old:] += noise(tensor[:, num_old:])
    return tensor
