"""Policies: what they leave in the child, and what may be claimed afterwards."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import heredity as hd
from heredity.errors import InputError, TransferRefused
from heredity.inheritance import parse_policy
from heredity.store import Store
from heredity.testing.generators import disturbed


def _values(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _network(width: int = 12) -> nn.Module:
    return nn.Sequential(
        nn.Linear(3, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 2)
    )


@pytest.fixture
def store() -> Store:
    """A store with a father of width 8, recorded on four rows."""
    store = hd.open_store(f"memory://{uuid.uuid4().hex}")
    hd.save(store, disturbed(_network(8)), key="father", example_inputs=torch.randn(4, 3))
    return store


def _pair(width: int = 12) -> tuple[nn.Module, nn.Module]:
    """Two networks with the same initial values."""
    torch.manual_seed(3)
    first = _network(width)
    torch.manual_seed(3)
    return first, _network(width)


@given(keep=st.floats(0, 1), noise=st.none() | st.floats(0, 2))
def test_each_weight_is_shrunk_and_gets_its_share_of_the_initial_one(
    keep: float, noise: float | None
) -> None:
    store = hd.open_store("memory://shrunk")
    if "father" not in store:  # without its graph, so that nothing needs to be traced
        hd.save(store, disturbed(_network()), key="father")
    plain, child = _pair()
    initial = _values(child)
    hd.inherit(plain, store["father"])
    hd.inherit(child, store["father"], policy=hd.ShrinkAndPerturb(keep, noise))
    share = 1 - keep if noise is None else noise
    inherited = dict(plain.named_parameters())
    for name, value in child.named_parameters():
        assert torch.allclose(value, keep * inherited[name] + share * initial[name], atol=1e-6)


def test_what_is_the_childs_own_stays_as_it_is_by_default(store: Store) -> None:
    child, twin = _pair()
    hd.inherit(child, store["father"], policy="shrink_and_perturb(0.25)")
    assert torch.allclose(child.state_dict()["0.weight"][8:], twin.state_dict()["0.weight"][8:])


def test_buffers_frozen_parameters_and_fresh_tensors_are_not_perturbed(store: Store) -> None:
    plain, child = _pair()
    child.get_parameter("0.weight").requires_grad = False
    hd.inherit(plain, store["father"])
    hd.inherit(child, store["father"], policy=hd.ShrinkAndPerturb(0.5, 1.0))
    expected = plain.state_dict()
    buffers = [name for name, _ in child.named_buffers()]
    assert buffers
    for name in [*buffers, "0.weight"]:
        assert torch.equal(child.state_dict()[name], expected[name])


def test_after_a_perturbation_nothing_is_claimed_to_be_exact(store: Store) -> None:
    child = _network()
    inheritance = hd.inherit(
        child, store["father"], example_inputs=torch.randn(4, 3), policy=hd.ShrinkAndPerturb(0.5)
    )
    assert not inheritance.is_exact
    assert inheritance.certificate.reason == "shrink_and_perturb(keep=0.5, noise=0.5) came after it"
    assert inheritance.summary()["verdict"] == "approximate"
    assert inheritance.summary()["num_exact"] == 0
    assert inheritance.difference is not None
    assert inheritance.difference.in_eval > 1e-3


def test_a_perturbation_that_keeps_everything_claims_what_was_proven(store: Store) -> None:
    child = _network()
    assert hd.inherit(child, store["father"], policy=hd.ShrinkAndPerturb(1.0)).is_exact


def _move(module: nn.Module, step: float) -> float:
    """Training of a kind: every weight moves, by a random direction as well; the score is the first one."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(step * torch.rand(()))
    module.eval()
    return float(next(module.parameters()).flatten()[0].detach())


@pytest.mark.parametrize(("order", "sign"), [("highest", 1.0), ("lowest", -1.0)])
@pytest.mark.parametrize("heir_wins", [True, False])
def test_the_better_of_heir_and_twin_is_kept_as_the_race_has_trained_it(
    store: Store, order: Any, sign: float, *, heir_wins: bool
) -> None:
    plain, child = _pair()
    fresh = _values(child)
    hd.inherit(plain, store["father"])

    def train(module: nn.Module, budget: float) -> float:
        is_heir = torch.equal(module.state_dict()["0.weight"], plain.state_dict()["0.weight"])
        _move(module, budget)
        return sign if is_heir == heir_wins else -sign

    inheritance = hd.inherit(child, store["father"], policy=hd.Race(train, 0.1, order=order))
    race = inheritance.race
    assert race is not None
    assert race.has_inherited is heir_wins
    assert (race.inherited_score, race.fresh_score) == ((sign, -sign) if heir_wins else (-sign, sign))
    start = plain.state_dict() if heir_wins else fresh
    moved = child.state_dict()["0.weight"] - start["0.weight"]
    assert torch.allclose(moved, moved.flatten()[0].expand_as(moved), atol=1e-6)
    assert moved.flatten()[0] > 0
    assert child.training
    assert not inheritance.is_exact
    assert inheritance.coverage == (pytest.approx(inheritance.plan.certificate.coverage) if heir_wins else 0)


@pytest.mark.parametrize("heir_wins", [True, False])
def test_a_rewound_race_leaves_the_winner_as_it_began(store: Store, *, heir_wins: bool) -> None:
    plain, child = _pair()
    fresh = _values(child)
    hd.inherit(plain, store["father"])
    scores = iter([1.0, 0.0] if heir_wins else [0.0, 1.0])

    def train(module: nn.Module, budget: float) -> float:
        _move(module, budget)
        return next(scores)

    inheritance = hd.inherit(child, store["father"], policy=hd.Race(train, 0.1, rewind=True))
    expected = plain.state_dict() if heir_wins else fresh
    assert all(torch.equal(value, expected[name]) for name, value in child.state_dict().items())
    assert inheritance.is_exact is heir_wins
    assert (inheritance.coverage > 0) is heir_wins


def test_both_runners_draw_the_same_random_numbers_and_the_callers_stay(store: Store) -> None:
    drawn: list[float] = []

    def train(module: nn.Module, budget: int) -> float:
        drawn.append(float(torch.rand(())))
        return 0.0

    child, policy = _network(8), hd.Race(train, 1, seed=4)
    torch.manual_seed(9)
    inheritance = hd.inherit(child, store["father"], policy=policy)
    after = torch.rand(())
    assert torch.equal(after, torch.rand((), generator=torch.Generator().manual_seed(9)))
    assert drawn == [float(torch.rand((), generator=torch.Generator().manual_seed(4)))] * 2
    assert inheritance.race is not None
    assert inheritance.race.has_inherited  # equal scores


def test_a_runner_that_diverges_loses(store: Store) -> None:
    scores = iter([float("nan"), 0.1])
    policy = hd.Race(lambda *_: next(scores), 1)
    inheritance = hd.inherit(_network(8), store["father"], policy=policy)
    assert inheritance.summary()["verdict"] == "fresh"
    assert "the fresh twin won the race: 0.1, the heir nan" in inheritance.certificate.reason


@pytest.mark.parametrize(
    ("result", "error"),
    [(float("inf"), TransferRefused), ("good", InputError), (ZeroDivisionError(), ZeroDivisionError)],
)
def test_after_a_race_that_fails_the_child_has_its_own_values(
    store: Store, result: Any, error: type[Exception]
) -> None:
    child = _network()
    before = _values(child)

    def train(module: nn.Module, budget: float) -> float:
        _move(module, budget)
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]  # on purpose

    with pytest.raises(error):
        hd.inherit(child, store["father"], policy=hd.Race(train, 0.1))
    assert all(torch.equal(value, before[name]) for name, value in child.state_dict().items())


def test_a_race_may_start_from_a_perturbation(store: Store) -> None:
    policy = parse_policy("race(0.1, start=shrink_and_perturb(0.5), rewind=true)", train=lambda *_: 1.0)
    inheritance = hd.inherit(_network(8), store["father"], policy=policy)
    assert inheritance.policy == "race(budget=0.1, start=shrink_and_perturb(keep=0.5, noise=0.5))"
    assert not inheritance.is_exact
    assert inheritance.summary()["verdict"] == "approximate"


@given(keep=st.floats(0, 1), noise=st.floats(0, 10))
def test_a_policy_is_read_from_its_text(keep: float, noise: float) -> None:
    policy = hd.ShrinkAndPerturb(keep, noise)
    assert parse_policy(policy) is policy
    assert parse_policy(f"shrink_and_perturb({keep!r}, noise={noise!r})") == policy


@pytest.mark.parametrize(
    "text",
    [
        "shrink_and_perturb(2)", "shrink_and_perturb(0.5, -1)", "shrink_and_perturb(size=3)",
        "shrink_and_perturb", "race(3)", "race(3, order=best)", "race", "best_effort()",
        "__import__('os')", "exact; exact", "3", "(",
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused_before_anything_is_done(store: Store, text: str) -> None:
    with pytest.raises(InputError, match=r"policy|shrink_and_perturb|race"):
        hd.inherit(_network(8), store["father"], policy=text)
