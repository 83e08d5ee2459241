"""Random proposals for a transfer, most of them wrong: a proof has to refuse them or be right.

A transfer's proof believes neither the alignment nor the maps that it is given. So any alignment and any maps
are a fair test of it: whatever is claimed to be exact is measured.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from heredity.graph import Kind
from heredity.transfer.operators.relation import JUNK, MEAN, ZERO, AxisRelation, gather, identity
from heredity.transfer.passes.choose import AxisMaps, choose

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from heredity.graph import Graph
    from heredity.transfer.operators.atoms import Atom, AxisAtoms, Place
    from heredity.transfer.operators.relation import Scales
    from heredity.transfer.passes.align import Alignment

_FACTORS = (0.5, 2.0, 3.0, -1.0, -0.5)


def random_maps(rng: random.Random, atoms: AxisAtoms, child: Graph) -> AxisMaps:
    """Propose maps that would be legal in many networks, with a few atoms, or all, spoiled.

    Args:
        rng: Decides everything.
        atoms: The atoms of all axes.
        child: The child's graph.
    """
    usual = choose(atoms, growth=rng.choice(["copy", "fresh"]))
    rim = _rim(atoms, child)
    chosen = dict(usual.chosen)
    inner = [atom for atom in atoms.leaves() if id(atom) not in rim]
    if rng.random() < 0.6:
        manner = rng.choice(["copies", "scaled", "new"])
        chosen.update({id(atom): _legal_map(rng, atom, manner) for atom in inner})
    if rng.random() < 0.6:
        spoiled = rng.sample(inner, min(len(inner), rng.choice([1, 1, 1, 2, 99])))
        chosen.update({id(atom): random_map(rng, atom) for atom in spoiled})
    if rng.random() < 0.03:
        chosen.update({id(atom): random_map(rng, atom) for atom in atoms.leaves() if id(atom) in rim})
    return replace(usual, chosen=chosen, factors=_random_factors(rng, child))


def _legal_map(rng: random.Random, atom: Atom, manner: str) -> AxisRelation:
    """A map that most operators let pass: all entries in any order, and copies, scaled ones or new ones."""
    n, m = atom.num_parent or 0, atom.num_child
    if n == 0:
        return gather([JUNK] * m, num_parent=0)
    indices = [i % n for i in range(m)]
    if manner == "new":
        indices = [g if i < n else rng.choice([JUNK, JUNK, ZERO]) for i, g in enumerate(indices)]
    rng.shuffle(indices)
    factors = rng.choice([[0.5, 2.0], [1.0, -1.0], [rng.choice(_FACTORS)]]) if manner == "scaled" else [1.0]
    return gather(indices, num_parent=n, scales=[rng.choice(factors) for _ in indices])


def random_map(rng: random.Random, atom: Atom) -> AxisRelation:
    """Draw a map for an atom; most are legal by themselves, which makes the illegal ones hard to see."""
    n, m = atom.num_parent or 0, atom.num_child
    if n == 0:
        return gather([JUNK] * m, num_parent=0)
    if rng.random() < 0.3 and n == m:
        return identity(n)
    indices = [i % n for i in range(m)] if rng.random() < 0.8 else [rng.randrange(n) for _ in range(m)]
    if rng.random() < 0.5:
        rng.shuffle(indices)
    if rng.random() < 0.4:
        kinds = rng.choice([[JUNK], [ZERO], [MEAN], [JUNK, ZERO], [JUNK, ZERO, MEAN]])
        indices = [rng.choice(kinds) if i >= n and rng.random() < 0.7 else g for i, g in enumerate(indices)]
    if rng.random() < 0.1 and m:
        indices[rng.randrange(m)] = rng.choice([JUNK, ZERO, MEAN])
    return gather(indices, num_parent=n, scales=_random_scales(rng, indices))


def _random_scales(rng: random.Random, indices: Sequence[int]) -> list[float] | None:
    """No factors, one for all, one for all copies of an entry, or any; at times the norm's own."""
    kind = rng.random()
    if kind < 0.6:
        return None
    if kind < 0.75:
        return [rng.choice(_FACTORS)] * len(indices)
    if kind < 0.85:
        of_entry = {g: rng.choice(_FACTORS) for g in set(indices)}
        return [of_entry[g] for g in indices]
    return [rng.choice([1.0, *_FACTORS]) for _ in indices]


def random_alignment(rng: random.Random, usual: Alignment, parent: Graph, child: Graph) -> Alignment:
    """Spoil an alignment: swap partners, drop some, draw others, and say of anything that it is new.

    Args:
        rng: Decides everything.
        usual: The alignment that would be used.
        parent: The parent's graph.
        child: The child's graph.
    """
    partner = dict(usual.partner)
    calls = [node.name for node in child.of_kind(Kind.CALL)]
    if not calls or rng.random() < 0.5:
        return usual
    for _ in range(min(rng.randint(0, 2), len(partner))):
        _spoil(rng, partner, parent, child)
    some = rng.sample(calls, min(len(calls), rng.randint(0, 2)))
    theirs = [node.name for node in parent.of_kind(Kind.CALL)]
    return replace(
        usual,
        partner=partner,
        zeroed=usual.zeroed | frozenset(some[:1] if rng.random() < 0.3 else []),
        identities=usual.identities | frozenset(name for name in calls if name not in partner),
        borrowed={**usual.borrowed, **{name: rng.choice(theirs) for name in some}},
    )


def _spoil(rng: random.Random, partner: dict[str, str], parent: Graph, child: Graph) -> None:
    ours = rng.choice(sorted(partner))
    alike = [name for name in partner if child[name].target == child[ours].target]
    match rng.choice(["swap", "swap", "drop", "any"]):
        case "swap":
            other = rng.choice(alike)
            partner[ours], partner[other] = partner[other], partner[ours]
        case "drop":
            del partner[ours]
        case _:
            theirs = [node.name for node in parent.nodes if node.target == child[ours].target]
            partner[ours] = rng.choice(theirs or [partner[ours]])


def _rim(atoms: AxisAtoms, child: Graph) -> set[int]:
    """The atoms of inputs and outputs: a map of theirs that is not the identity is refused at once."""
    names = [*child.outputs, *(spec.name for spec in child.inputs)]
    return {
        id(leaf)
        for name in names
        for axis in range(len(child[name].shape or ()))
        for leaf in _leaves(atoms.of((name, axis)))
    }


def _leaves(axis: Sequence[Atom]) -> list[Atom]:
    found: list[Atom] = []
    for atom in axis:
        root = atom.root
        parts = [*root.factors, *(part for piece in root.pieces for part in piece)]
        found += _leaves(parts) if parts else [root]
    return found


def _random_factors(rng: random.Random, child: Graph) -> dict[str, Scales]:
    """Factors for the results of a few operators: one for all entries, or one for each."""
    calls = [node for node in child.of_kind(Kind.CALL) if node.shape and node.shape[-1]]
    if rng.random() < 0.8:  # those that have tensors of their own can produce a factor
        calls = [node for node in calls if any(child[name].is_stored for name in node.refs())]
    if not calls or rng.random() < 0.6:
        return {}
    found: dict[str, Scales] = {}
    for node in rng.sample(calls, min(len(calls), rng.randint(1, 2))):
        size = (node.shape or (1,))[-1]
        one = np.full(size, rng.choice(_FACTORS))
        found[node.name] = one if rng.random() < 0.7 else np.asarray([rng.choice(_FACTORS) for _ in one])
    return found


def maps_with(
    atoms: AxisAtoms, given: Mapping[Place, AxisRelation], *, factors: Mapping[str, Scales] | None = None
) -> AxisMaps:
    """Propose the usual maps, but for these axes, each by itself, and these factors.

    Args:
        atoms: The atoms of all axes; the given axes leave those that they were tied to.
        given: The map for an axis of a node of the child.
        factors: What the results of operators are multiplied by, along their last axes.
    """
    for place, relation in given.items():
        atoms.add(place, num_parent=relation.num_parent, num_child=len(relation))
    usual = choose(atoms, growth="copy")
    chosen = {id(atoms.of(place)[0]): relation for place, relation in given.items()}
    return replace(usual, chosen={**usual.chosen, **chosen}, factors=dict(factors or {}))
