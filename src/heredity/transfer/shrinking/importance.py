"""Which entries a narrower child keeps: those of which the parent's own weights make most.

What belongs together is scored together: an entry of an atom is worth what all tensors that are tied to it
hold in their slices of it, each tensor counting as one. So a head is kept or left with its queries, keys,
values and what reads them, a channel with its filters, its normalization and its readers. Cheap and without
data, as in the pruning of filters by their norm (Li et al., 2017, arXiv:1608.08710).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from heredity.graph import Graph, Kind
from heredity.transfer.operators.atoms import Atom, AxisAtoms, Use, expanded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from heredity.transfer.operators.atoms import Axis
    from heredity.transfer.passes.align import Alignment
    from heredity.transfer.passes.choose import Keep, Kept

    Scores = NDArray[np.float64]


def by_importance(parent_tensors: Mapping[str, torch.Tensor]) -> Keep:
    """Keep the entries with the largest weights, in their old order; to be given to `plan_transfer`.

    Inputs, outputs and tables (classes, a vocabulary, positions) have a meaning by their numbers: of these a
    smaller child keeps the first.

    Args:
        parent_tensors: The parent's state dict. What is missing in it does not count.
    """

    def keep(parent: Graph, child: Graph, alignment: Alignment, atoms: AxisAtoms) -> Kept:
        shrinking = {id(atom): atom for atom in atoms.leaves() if _shrinks(atom)}
        for node in (*child.of_kind(Kind.INPUT), *(child[name] for name in child.outputs)):
            for axis in range(len(node.shape or ())):
                for atom in _leaves_of(atoms.of((node.name, axis))):
                    shrinking.pop(id(atom), None)
        if not shrinking:
            return {}
        scores = importance(parent, child, alignment, atoms, parent_tensors)
        return {key: _best(scores[key], atom.num_child) for key, atom in shrinking.items() if key in scores}

    return keep


def importance(
    parent: Graph,
    child: Graph,
    alignment: Alignment,
    atoms: AxisAtoms,
    parent_tensors: Mapping[str, torch.Tensor],
) -> dict[int, Scores]:
    """A score for each entry that the parent has of each atom, by the atom's identity.

    Args:
        parent: The parent's graph.
        child: The child's graph.
        alignment: Which operator stands for which.
        atoms: The atoms of the child's axes.
        parent_tensors: The parent's state dict.
    """
    found: dict[int, Scores] = {}
    for node in child.of_kind(Kind.PARAMETER):
        partner = alignment.partner.get(node.name)
        tensor = parent_tensors.get(parent[partner].tensor) if partner is not None else None
        # Vectors (biases, the factors of norms) do not count: small trained networks lost more with them.
        is_fit = tensor is not None and tensor.is_floating_point() and tensor.dim() == len(node.shape or ())
        if tensor is None or not is_fit or tensor.dim() < 2:
            continue
        for axis in range(tensor.dim()):
            for atom, score in _shared_out(atoms.of((node.name, axis)), _along(tensor, axis)):
                found[id(atom)] = found.get(id(atom), np.zeros(len(score))) + score
    return found


def _shrinks(atom: Atom) -> bool:
    return atom.num_child < (atom.num_parent or 0) and Use.TABLE not in atom.uses


def _best(scores: Scores, count: int) -> Sequence[int]:
    """The places of the best scores, in order; of equal ones the first."""
    order = np.argsort(-scores, kind="stable")
    return tuple(sorted(order[:count].tolist()))


def _along(tensor: torch.Tensor, axis: int) -> Scores:
    """The share of each slice in a tensor's squared norm."""
    others = [other for other in range(tensor.dim()) if other != axis]
    slices: Scores = tensor.detach().to("cpu", torch.float64).square().sum(others).numpy()
    total = float(slices.sum())
    return slices / total if total > 0 else slices


def _shared_out(axis: Axis, score: Scores) -> Iterator[tuple[Atom, Scores]]:
    """What the score of an axis says of each of its leaves: of factors the sums over all others."""
    parts = expanded(axis)
    sizes = [atom.num_parent or 0 for atom in parts]
    if not parts or int(np.prod(sizes)) != len(score):
        return
    block = score.reshape(sizes)
    for number, atom in enumerate(parts):
        own = block.sum(axis=tuple(i for i in range(len(parts)) if i != number))
        yield from _of_pieces(atom, own)


def _of_pieces(atom: Atom, score: Scores) -> Iterator[tuple[Atom, Scores]]:
    if not atom.pieces:
        yield atom, score
        return
    start = 0
    for piece in atom.pieces:
        length = int(np.prod([part.num_parent or 0 for part in expanded(piece)]))
        yield from _shared_out(piece, score[start : start + length])
        start += length


def _leaves_of(axis: Axis) -> Iterator[Atom]:
    for atom in expanded(axis):
        if not atom.pieces:
            yield atom
        for piece in atom.pieces:
            yield from _leaves_of(piece)
