"""Whatever a certificate claims is measured, over random families of networks of every kind."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations

import pytest
import torch

from heredity.graph import Graph
from heredity.testing.architectures import KINDS, Relatives, random_pair, random_relatives
from heredity.transfer import apply, measure_difference, outputs_of, plan_transfer, trace

# What float64 leaves of a correct transfer; wrong ones measured so far lay above 1e-4.
ROUNDING = 1e-10

RESIDUAL = [("residual", seed) for seed in range(5)] + [("residual_mlp", seed) for seed in range(3)]
FAMILIES = [(kind, 0) for kind in sorted(KINDS) if not kind.startswith("residual")] + RESIDUAL
# All pairs of six residual networks take three seconds: of their families the quick tests try two.
MEASURED = [
    pytest.param(kind, seed, marks=pytest.mark.slow) if seed > 0 else (kind, seed) for kind, seed in FAMILIES
]

torch.set_num_threads(1)


@cache
def _relatives(kind: str, seed: int) -> tuple[Relatives, tuple[Graph, ...]]:
    """Random members of a kind, the smallest first, and their graphs; traced once for all tests."""
    count = 6 if (kind, seed) in RESIDUAL else 4
    relatives = random_relatives(random.Random(seed), kind, count=count)
    return relatives, tuple(trace(module, relatives.inputs) for module in relatives.modules)


@pytest.mark.parametrize(("kind", "seed"), MEASURED)
def test_what_is_certified_as_exact_is_exact(kind: str, seed: int) -> None:
    """All ordered pairs of each family, over 700, by either policy: none may claim too much."""
    relatives, graphs = _relatives(kind, seed)
    outputs = [outputs_of(module, relatives.inputs, dtype=torch.float64) for module in relatives.modules]
    for a, b in permutations(range(len(graphs)), 2):
        plan = plan_transfer(graphs[a], graphs[b], growth="copy" if (a + b) % 2 else "fresh")
        child = copy.deepcopy(relatives.modules[b])
        apply(plan, relatives.modules[a].state_dict(), child)
        if plan.certificate.is_exact:
            found = measure_difference(outputs[a], child, relatives.inputs, dtype=torch.float64)
            what = (kind, dict(relatives.styles), relatives.change(a, b), str(found))
            assert found.in_eval_relative < ROUNDING, what
            assert found.in_training_relative < ROUNDING or not plan.certificate.is_exact_in_training, what


@pytest.mark.parametrize(("kind", "seed"), FAMILIES)
def test_a_network_inherits_all_from_its_equal(kind: str, seed: int) -> None:
    """Two networks that differ in nothing but values: the one becomes the other, tensor by tensor."""
    graphs = _relatives(kind, seed)[1]
    certificate = plan_transfer(graphs[0], graphs[0]).certificate
    assert certificate.is_exact, certificate.reason
    assert certificate.coverage == 1.0


@pytest.mark.parametrize(("kind", "seed"), RESIDUAL)
def test_a_residual_network_grows_exactly_within_its_family(kind: str, seed: int) -> None:
    """Wider, deeper or both: exact in eval and in train mode, and all of the parent arrives."""
    relatives, graphs = _relatives(kind, seed)
    for graph in graphs[1:]:
        plan = plan_transfer(graphs[0], graph)
        assert plan.certificate.is_exact_in_training, str(plan)
        taken = {step.source for step in plan.steps}
        assert taken >= {name for name, _ in relatives.modules[0].named_parameters()}


@dataclass(frozen=True, slots=True)
class Growth:
    """A way to grow that has to be claimed as exact, not only be true if claimed."""

    kind: str
    changing: str
    styles: Mapping[str, str | bool | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.kind, *self.changing.split(), *map(str, self.styles.values())])


EXACT_GROWTH = [
    Growth("plain", "width inner kernel"),
    Growth("plain", "width inner", {"pool": "flatten"}),
    Growth("deep_chain", "width"),
    Growth("deep_chain", "depth", {"act": "relu", "normed": "none"}),
    Growth("deep_chain", "depth", {"act": "relu", "normed": "batch"}),
    Growth("group_normed", "width kernel", {"normed": "instance"}),
    Growth("group_normed", "kernel"),
    Growth("plain_1d", "width kernel"),
    Growth("plain_3d", "width kernel"),
    Growth("gated_waves", "width skip"),
    Growth("wide_and_narrow", "width bottleneck"),
    Growth("residual", "width second depth second_depth"),
    Growth("residual_mlp", "width second depth second_depth"),
    Growth("bottleneck", "width inner kernel"),
    Growth("bottleneck", "depth", {"order": "before"}),
    Growth("bottleneck", "depth", {"order": "after", "act": "relu"}),
    Growth("shortcut_or_not", "first second"),
    Growth("inverted", "width expanded squeezed kernel depth"),
    Growth("grouped", "groups"),
    Growth("grouped", "groups group_width width depth"),
    Growth("convnext", "kernel depth"),
    Growth("convnext", "inner", {"has_response_norm": False}),
    Growth("mixer", "places channels depth"),
    Growth("dense", "growth width bottleneck"),
    Growth("dense", "depth"),
    Growth("inception", "small large pooled_width width"),
    Growth("dilated", "width inner rates"),
    Growth("shuffled", "depth", {"is_split": False}),
    Growth("unet", "width inner"),
    Growth("two_heads", "width hidden"),
    Growth("siamese", "width"),
    Growth("text_cnn", "width filters vocabulary"),
    Growth("gpt", "width", {"places": "learned"}),
    Growth("gpt", "width heads head_size inner depth", {"places": "learned"}),
    Growth("llama", "width inner depth", {"is_tied": True}),
    Growth("gemma", "width inner heads", {"is_tied": True, "is_capped": True}),
    Growth("gemma", "width depth", {"is_tied": True}),
    Growth("gemma", "width inner", {"is_tied": False}),
    Growth("bert", "heads head_size inner vocabulary"),
    Growth("bert", "width", {"places": "learned"}),
    Growth("relative", "heads head_size inner depth"),
    Growth("relative", "width"),
    Growth("mixture", "width inner heads"),
    Growth("translator", "width heads head_size inner depth"),
    Growth("linear_attention", "width heads inner depth"),
    Growth("vit", "heads inner depth"),
    Growth("vit", "head_size"),
    Growth("windows", "inner depth"),
    Growth("mixed_stages", "width inner ratio"),
    Growth("torch_encoder", "heads inner"),
    Growth("torch_encoder", "depth", {"norm_first": True}),
    Growth("lstm", "hidden"),
    Growth("gru", "hidden"),
    Growth("elman", "hidden"),
    Growth("unrolled", "hidden"),
    Growth("state_space", "inner"),
    Growth("graph_network", "hidden"),
    Growth("modulated", "condition"),
]


@pytest.mark.parametrize("growth", EXACT_GROWTH, ids=str)
def test_a_network_grows_exactly(growth: Growth) -> None:
    for seed in range(2):
        pair = random_pair(
            random.Random(seed),
            kinds=[growth.kind],
            changing=growth.changing.split(),
            styles=growth.styles,
        )
        plan = plan_transfer(trace(pair.parent, pair.inputs), trace(pair.child, pair.inputs))
        assert plan.certificate.is_exact, (str(pair), plan.certificate.reason)
        apply(plan, pair.parent.state_dict(), pair.child)
        found = measure_difference(pair.parent, pair.child, pair.inputs, dtype=torch.float64)
        assert found.in_eval_relative < ROUNDING, (str(pair), str(found))
