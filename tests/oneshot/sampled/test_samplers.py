"""What is drawn at a step: the same for the same step, and in fair shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from tests.oneshot.supernets import SUPERNETS, elastic, images, nested
from torch import nn

from heredity.errors import InputError
from heredity.oneshot import Choice, choices, selecting
from heredity.oneshot.sampled import FairPaths, Sampler, Sandwich, UniformPaths

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "uniform": UniformPaths,
    "fair": FairPaths,
    "sandwich": Sandwich,
}


def _operators(*numbers: int) -> nn.Module:
    rows = [Choice([nn.Identity() for _ in range(num)], label=f"op{i}") for i, num in enumerate(numbers)]
    return nn.Sequential(*rows)


def _counts(sampler: Sampler, label: str, num_steps: int) -> Counter[int]:
    return Counter(selection[label] for step in range(num_steps) for selection in sampler.draw(step))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("kind", SUPERNETS)
def test_what_is_drawn_runs(name: str, kind: str) -> None:
    supernet = SUPERNETS[kind]()
    sampler = SAMPLERS[name](supernet, seed=0)
    for selection in sampler.draw(0):
        with selecting(selection):
            supernet(images())


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_draws_the_same_whenever_it_is_asked(name: str) -> None:
    first = SAMPLERS[name](nested(), seed=3)
    again = SAMPLERS[name](nested(), seed=3)
    drawn = [first.draw(step) for step in range(20)]
    assert [again.draw(step) for step in reversed(range(20))] == drawn[::-1]
    assert [SAMPLERS[name](nested(), seed=4).draw(step) for step in range(20)] != drawn


def test_uniform_paths_draw_one_architecture_and_each_candidate_alike() -> None:
    sampler = UniformPaths(_operators(4), seed=0)
    assert {len(sampler.draw(step)) for step in range(10)} == {1}
    assert all(400 < count < 600 for count in _counts(sampler, "op0", 2000).values())


def test_fair_paths_run_each_candidate_once_a_step() -> None:
    sampler = FairPaths(_operators(3, 3), seed=0)
    for step in range(50):
        for label in ("op0", "op1"):
            assert sorted(selection[label] for selection in sampler.draw(step)) == [0, 1, 2]


def test_fair_paths_pair_candidates_at_random() -> None:
    sampler = FairPaths(_operators(3, 3), seed=0)
    pairs = {tuple(selection.values()) for step in range(100) for selection in sampler.draw(step)}
    assert len(pairs) == 9


@pytest.mark.parametrize("num_steps", [1, 2, 7, 40])
def test_fair_paths_let_fewer_candidates_take_turns(num_steps: int) -> None:
    counts = _counts(FairPaths(_operators(5, 3), seed=0), "op1", num_steps)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_sandwich_has_the_largest_first_and_the_smallest_last() -> None:
    supernet = elastic()
    drawn = Sandwich(supernet, seed=0, num_random=3).draw(0)
    largest = {label: point.num_candidates - 1 for label, point in choices(supernet).items()}
    assert (len(drawn), drawn[0], drawn[-1]) == (5, largest, dict.fromkeys(largest, 0))


def test_a_sandwich_of_a_negative_number_is_refused() -> None:
    with pytest.raises(InputError, match="num_random: expected at least 0, got -1"):
        Sandwich(elastic(), seed=0, num_random=-1)


def test_drawing_leaves_torchs_generator_alone() -> None:
    sampler = Sandwich(elastic(), seed=0)
    before = torch.get_rng_state()
    sampler.draw(0)
    assert torch.equal(torch.get_rng_state(), before)
