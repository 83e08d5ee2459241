"""The proof against illegal proposals: random maps, most of them wrong, have to be refused or be true."""

from __future__ import annotations

import copy
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from heredity.graph import Graph
from heredity.testing.architectures import KINDS, random_pair
from heredity.testing.architectures.proposals import random_alignment, random_maps
from heredity.testing.generators import disturbed
from heredity.transfer import (
    Certificate,
    Outputs,
    TransferPlan,
    apply,
    measure_difference,
    noise,
    outputs_of,
    trace,
)
from heredity.transfer.operators import maps
from heredity.transfer.operators.relation import AxisRelation
from heredity.transfer.operators.rules import affine, arithmetic, normalization
from heredity.transfer.passes.align import Alignment, alignments
from heredity.transfer.passes.structure import axis_atoms
from heredity.transfer.planner import plan_with

ROUNDING = 1e-9

torch.set_num_threads(1)


@dataclass(frozen=True)
class Family:
    """Two members of a kind, in float64, traced once: the first is nowhere larger."""

    kind: str
    modules: tuple[torch.nn.Module, ...]
    graphs: tuple[Graph, ...]
    outputs: tuple[Outputs, ...]
    inputs: tuple[torch.Tensor, ...]


# A child with more of these is another function by itself, whatever is proposed.
INTERFACE = {"classes", "vocabulary", "features"}


@cache
def family(kind: str, seed: int) -> Family:
    """Of two members that differ in one dimension, or in two."""
    rng = random.Random(f"{kind} {seed}")
    names = sorted(set(KINDS[kind].sizes) - INTERFACE) or sorted(KINDS[kind].sizes)
    pair = random_pair(rng, kinds=[kind], changing=rng.sample(names, min(len(names), rng.randint(1, 2))))
    modules = pair.parent, pair.child
    outputs = tuple(outputs_of(module, pair.inputs, dtype=torch.float64) for module in modules)
    return Family(
        kind, modules, tuple(trace(module, pair.inputs) for module in modules), outputs, pair.inputs
    )


@cache
def usual_alignments(kind: str, seed: int, parent: int, child: int) -> tuple[Alignment, ...]:
    graphs = family(kind, seed).graphs
    return tuple(alignments(graphs[parent], graphs[child]))


def fuzz(kinds: Sequence[str], *, runs: int, first: int = 0, families: int = 1) -> Counter[str]:
    """Try as many random proposals of each kind, and count those that are claimed to be exact."""
    found: Counter[str] = Counter()
    for kind in kinds:
        for seed in range(first, first + runs):
            found[kind] += certified(kind, seed, families).is_exact
    return found


def certified(kind: str, seed: int, families: int) -> Certificate:
    """What is certified of a random proposal; if that it is exact, checks that it is."""
    rng = random.Random(f"{kind} {seed}")
    number = seed % families
    members = family(kind, number)
    a, b = rng.choice([(0, 1), (0, 1), (0, 1), (0, 0), (1, 1), (1, 0)])
    plan = random_plan(rng, members, rng.choice(usual_alignments(kind, number, a, b)), a, b)
    check_numbers(plan, f"{kind} {seed}")
    if not plan.certificate.is_exact:
        return plan.certificate
    torch.manual_seed(seed)
    child = disturbed(copy.deepcopy(members.modules[b]))
    apply(plan, members.modules[a].state_dict(), child)
    found = measure_difference(members.outputs[a], child, members.inputs, dtype=torch.float64)
    is_true = found.in_eval_relative < ROUNDING and (
        found.in_training_relative < ROUNDING or not plan.certificate.is_exact_in_training
    )
    assert is_true, f"claimed to be exact: {kind}, seed {seed}, {a} to {b}: {found}\n{plan}"
    return plan.certificate


def random_plan(
    rng: random.Random, members: Family, usual: Alignment, parent: int, child: int
) -> TransferPlan:
    graphs = members.graphs[parent], members.graphs[child]
    alignment = random_alignment(rng, usual, *graphs)
    maps = random_maps(rng, axis_atoms(*graphs, alignment), graphs[1])
    return plan_with(
        *graphs, alignment=alignment, maps=maps, noise=rng.choice([0.0, 0.5, 2.0]), seed=rng.randrange(99)
    )


def check_numbers(plan: TransferPlan, what: str) -> None:
    """Whatever is claimed, no weight may become infinite."""
    for step in plan.steps:
        for axis in step.axes:
            for factors in (axis.scales, axis.gradient_scales):
                assert all(map(math.isfinite, factors or ())), f"{what}: {step.tensor} {step}"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_random_proposals_are_refused_or_true(kind: str) -> None:
    """Fifteen of each of over forty kinds."""
    fuzz([kind], runs=15)


def test_a_good_share_of_random_proposals_is_claimed() -> None:
    """A proof that refused all of them would be sound, and the test of it empty."""
    kinds = sorted(KINDS)[::4]
    found = fuzz(kinds, runs=15)
    assert found.total() >= 0.15 * 15 * len(kinds), found


Mistake = tuple[object, str, object]

MISTAKES: dict[str, tuple[str, list[Mistake]]] = {
    "copies are read with their full weight": ("plain", [(maps, "_shares", lambda axis: np.ones(len(axis)))]),
    "a norm's variance is not looked at": (
        "mixer",
        [(normalization, "_variance_ratio", lambda *_: 1.0)],
    ),
    "a sum does not ask how its sides are scaled": (
        "residual_mlp",
        [
            (AxisRelation, "agreeing_with", lambda self, other: self.where(self.g == other.g)),
            (arithmetic, "_require_same_factor", lambda *_: None),
        ],
    ),
    "a ReLU lets negative factors pass": (
        "residual_mlp",
        [(AxisRelation, "with_positive_scales", lambda self: self)],
    ),
    "noise does not cancel": ("plain", [(noise, "_cancelled", lambda *args: args[0])]),
    "some entries are never read": ("plain", [(affine, "require_all_read", lambda *_: None)]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_random_proposals_find_a_planted_mistake(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a rule wrong, some of the proposals that it lets through would be measured to be wrong."""
    kind, patches = MISTAKES[name]
    for owner, attribute, mistake in patches:
        monkeypatch.setattr(owner, attribute, mistake)
    with pytest.raises(AssertionError, match="claimed to be exact"):
        fuzz([kind], runs=300, families=5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_many_random_proposals_are_refused_or_true(kind: str) -> None:
    fuzz([kind], runs=75, first=1000, families=2)
