"""A search that was interrupted goes on bit for bit."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from tests.oneshot.differentiable.supernets import SmallSupernet, batch, small_search

import heredity as hd
from heredity.oneshot import Selection, freeze, selecting
from heredity.oneshot.differentiable import (
    ArchitectureTraining,
    DifferentiableSearch,
    Gumbel,
    SearchSettings,
)
from heredity.oneshot.differentiable.settings import Order


def settings(order: Order = "first", gumbel: Gumbel | None = None) -> SearchSettings:
    architecture = ArchitectureTraining(order=order, difference_scale=1e-3)
    return SearchSettings(num_epochs=3, steps_per_epoch=2, architecture=architecture, gumbel=gumbel)


def fresh(chosen: SearchSettings, *, seed: int = 0) -> DifferentiableSearch:
    """In float32, with dropout, so that randomness within the steps counts."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return small_search(
            settings=chosen, supernet=SmallSupernet(dropout=0.5), dtype=torch.float32, seed=seed
        )


def go(search: DifferentiableSearch, steps: range) -> None:
    for step in steps:
        train, validation = (batch(10 * step + which, dtype=torch.float32) for which in (0, 1))
        search.step(train, validation)


@pytest.mark.parametrize(
    "chosen", [settings(), settings("second"), settings("exact"), settings(gumbel=Gumbel())]
)
def test_a_search_that_was_stored_and_loaded_is_bit_identical_to_one_that_ran_through(
    chosen: SearchSettings, tmp_path: Path
) -> None:
    """Through the store, into a search that began with another seed: nothing else is needed."""
    through = fresh(chosen)
    go(through, range(6))
    first = fresh(chosen)
    go(first, range(3))
    checkpoint = hd.save(hd.open_store(str(tmp_path)), first.state, key="in/the/middle")
    torch.randn(5)  # what others draw makes no difference
    second = fresh(chosen, seed=5)
    hd.load(second.state, checkpoint)
    assert second.num_steps == 3
    go(second, range(3, 6))
    for name, value in through.state.state_dict().items():
        assert torch.equal(value, second.state.state_dict()[name]), name
    assert second.architecture() == through.architecture()


def test_torchs_own_state_dict_is_enough_too() -> None:
    through, first, second = (fresh(settings(), seed=seed) for seed in (0, 0, 1))
    go(through, range(4))
    go(first, range(2))
    second.state.load_state_dict(deepcopy(first.state.state_dict()))
    go(second, range(2, 4))
    torch.testing.assert_close(second.state.state_dict(), through.state.state_dict(), rtol=0, atol=0)


def test_one_seed_gives_one_search() -> None:
    one, other = fresh(settings()), fresh(settings())
    go(one, range(3))
    torch.randn(7)
    go(other, range(3))
    torch.testing.assert_close(one.state.state_dict(), other.state.state_dict(), rtol=0, atol=0)


def test_the_history_keeps_the_architecture_of_every_epoch() -> None:
    search = fresh(settings())
    go(search, range(2))
    after_first = search.weights()
    go(search, range(2, 6))
    torch.testing.assert_close(search.weights_after(0), after_first)
    assert search.architecture(search.weights_after(0)).keys() >= {"cell/0/0", "cell/1/inputs"}


def test_the_entropy_says_how_undecided_the_architecture_is() -> None:
    search = fresh(settings())
    assert search.entropy() == pytest.approx(1, abs=1e-5)
    with torch.no_grad():
        for vector in search.state.architecture.vectors:
            vector[0] = 100.0
    assert search.entropy() == pytest.approx(0, abs=1e-5)


def test_by_perturbation_that_is_kept_without_which_the_supernet_is_worst() -> None:
    """DARTS-PT, with a score that is made up: convolutions are missed, and the last source least."""
    search = fresh(settings())
    go(search, range(6))

    def score(selection: Selection) -> float:
        total = 0.0
        for label, chosen in selection.items():
            if isinstance(chosen, torch.Tensor) and label.endswith("inputs"):
                total += float((chosen * torch.tensor([3.0, 2.0, 1.0])).sum())
            elif isinstance(chosen, torch.Tensor):
                total += float(chosen[2])
        return total

    decided = []
    while (label := search.decide_next(score)) is not None:
        decided.append(label)
        go(search, range(1))  # what is left is trained
    assert decided[-1] == "cell/1/inputs"
    assert len(decided) == 6
    architecture = search.architecture()
    assert architecture["cell/1/inputs"] == [0, 1]
    assert {architecture[label] for label in architecture if not label.endswith("inputs")} == {"convolution"}
    freeze(search.supernet, architecture)


def test_a_real_supernet_is_decided_by_its_accuracy() -> None:
    search = fresh(settings())
    go(search, range(6))
    validation = [batch(seed, dtype=torch.float32) for seed in (100, 101)]
    while search.decide_next(lambda selection: search.accuracy(validation, selection)) is not None:
        pass
    assert search.accuracy(validation) == search.accuracy(validation, search.mixture())
    plain = freeze(search.supernet, search.architecture()).eval()
    x = validation[0][0]
    with torch.no_grad(), selecting(search.mixture()):
        torch.testing.assert_close(search.supernet.eval()(x), plain(x), rtol=0, atol=0)
