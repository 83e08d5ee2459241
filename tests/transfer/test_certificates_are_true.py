"""Whatever a certificate claims is measured, over random families of networks."""

from __future__ import annotations

import copy
import random
from itertools import permutations

import pytest
import torch

from heredity.graph import Graph
from heredity.testing.generators import Family, build, example_inputs, random_family, random_members
from heredity.transfer import apply, measure_difference, outputs_of, plan_transfer, trace

MEMBERS = 6

torch.set_num_threads(1)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_certified_as_exact_is_exact(seed: int) -> None:
    """30 ordered pairs for each family, 240 in all: growing, shrinking, both; none may claim too much."""
    family, modules, graphs = _relatives(seed)
    inputs = example_inputs(family)
    num_exact = 0
    for a, b in permutations(range(MEMBERS), 2):
        child = copy.deepcopy(modules[b])
        plan = plan_transfer(graphs[a], graphs[b])
        apply(plan, modules[a].state_dict(), child)
        certificate = plan.certificate
        num_exact += certificate.is_exact
        if certificate.is_exact:
            theirs = outputs_of(modules[a], inputs, dtype=torch.float64)
            found = measure_difference(theirs, child, inputs, dtype=torch.float64)
            assert found.in_eval_relative < 1e-9, (family, a, b, found)
            assert found.in_training_relative < 1e-9 or not certificate.is_exact_in_training, (family, a, b)
    assert num_exact >= MEMBERS - 1  # the first member is the smallest, and can grow into each other


@pytest.mark.parametrize("seed", range(8))
def test_a_network_grows_exactly_within_its_family(seed: int) -> None:
    """Wider, deeper or both: exact in eval and in train mode, and all of the parent arrives."""
    _, modules, graphs = _relatives(seed)
    for graph in graphs[1:]:
        plan = plan_transfer(graphs[0], graph)
        assert plan.certificate.is_exact_in_training, str(plan)
        taken = {step.source for step in plan.steps}
        assert taken >= {name for name, _ in modules[0].named_parameters()}


_known: dict[int, tuple[Family, list[torch.nn.Module], list[Graph]]] = {}


def _relatives(seed: int) -> tuple[Family, list[torch.nn.Module], list[Graph]]:
    """Random members of a random family, the smallest first, and their graphs; traced once for all tests."""
    if seed not in _known:
        rng = random.Random(seed)
        torch.manual_seed(seed)
        family = random_family(rng)
        modules = [build(member) for member in random_members(rng, family, count=MEMBERS)]
        _known[seed] = family, modules, [trace(module, example_inputs(family)) for module in modules]
    return _known[seed]
