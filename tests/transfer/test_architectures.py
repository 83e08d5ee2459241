"""The generators that other tests rely on: what they draw is valid, varied, and the same every time."""

from __future__ import annotations

import random

import pytest
import torch

from heredity.testing.architectures import KINDS, Pair, random_pair, random_relatives

torch.set_num_threads(1)


def outputs(module: torch.nn.Module, pair: Pair) -> list[torch.Tensor]:
    result = module.eval()(*pair.inputs)
    return list(result.values()) if isinstance(result, dict) else [result]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_both_of_a_pair_take_its_inputs(kind: str) -> None:
    for seed in range(3):
        pair = random_pair(random.Random(seed), kinds=[kind], direction="any")
        for module in (pair.parent, pair.child):
            for output in outputs(module, pair):
                assert output.dtype is torch.float64
                assert bool(output.isfinite().all()), str(pair)
                assert float(output.detach().abs().max()) > 1e-3, str(pair)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_size_is_seen_in_the_network(kind: str) -> None:
    """No dimension of a kind is a name without a meaning: some style of it changes some tensor's shape."""
    for name in KINDS[kind].sizes:
        pairs = (random_pair(random.Random(seed), kinds=[kind], changing=[name]) for seed in range(12))
        assert any(shapes(pair.parent) != shapes(pair.child) for pair in pairs), name


def shapes(module: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_wrong_tensor_would_be_seen_in_the_outputs(kind: str) -> None:
    """But for the few that have no effect by nature, such as the biases of keys before a softmax."""
    pair = random_pair(random.Random(0), kinds=[kind])
    state = {name: tensor for name, tensor in pair.child.state_dict().items() if tensor.is_floating_point()}
    before = outputs(pair.child, pair)
    unseen = [name for name, tensor in state.items() if not is_seen(pair, tensor, before)]
    assert len(unseen) <= 0.12 * len(state), unseen


@torch.no_grad()
def is_seen(pair: Pair, tensor: torch.Tensor, before: list[torch.Tensor]) -> bool:
    old = tensor.clone()
    tensor.mul_(1.3).add_(0.05)
    after = outputs(pair.child, pair)
    tensor.copy_(old)
    return any(float((a - b).abs().max()) > 1e-8 for a, b in zip(before, after, strict=True))


def test_the_same_seed_draws_the_same_pair() -> None:
    first, second = (random_pair(random.Random(5)) for _ in range(2))
    assert str(first) == str(second)
    for ours, theirs in ((first.parent, second.parent), (first.child, second.child)):
        for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
            assert torch.equal(a, b)
    assert all(torch.equal(a, b) for a, b in zip(first.inputs, second.inputs, strict=True))


def test_torch_s_own_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    random_pair(random.Random(1))
    assert torch.equal(before, torch.get_rng_state())


def test_a_pair_that_grows_is_nowhere_smaller() -> None:
    for seed in range(100):
        pair = random_pair(random.Random(seed), kinds=["plain", "text_cnn", "lstm"])
        assert pair.change
        assert all(ours > theirs for theirs, ours in pair.change.values())


def test_any_direction_means_smaller_too() -> None:
    changes = [
        change
        for seed in range(30)
        for change in random_pair(random.Random(seed), kinds=["plain"], direction="any").change.values()
    ]
    assert {ours > theirs for theirs, ours in changes} == {True, False}


def test_a_pair_changes_what_it_was_asked_to_change() -> None:
    pair = random_pair(random.Random(0), kinds=["gpt"], changing=["heads", "depth"], styles={"is_tied": True})
    assert pair.change.keys() == {"heads", "depth"}
    assert pair.styles["is_tied"] is True


def test_the_first_of_a_family_is_the_smallest() -> None:
    for seed in range(20):
        first, *others = random_relatives(random.Random(seed), "residual", count=4).sizes
        assert all(first[name] <= other[name] for other in others for name in first)


def test_no_statistics_are_left_at_their_beginning() -> None:
    """A transfer that forgot them would not be noticed otherwise."""
    pair = random_pair(random.Random(0), kinds=["bottleneck"])
    for name, tensor in pair.parent.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            assert not torch.equal(tensor, torch.zeros_like(tensor))
            assert not torch.equal(tensor, torch.ones_like(tensor))
