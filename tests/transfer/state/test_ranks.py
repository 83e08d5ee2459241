"""Adapters of another rank: more changes nothing, less is the nearest."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from heredity.errors import InputError, InvalidTensor
from heredity.transfer.state import grow_rank, shrink_rank

torch.set_num_threads(1)
few = settings(deadline=None, max_examples=25)
A, B = "f.lora_A.default.weight", "f.lora_B.default.weight"
sizes = st.integers(1, 5)


def pair(rank: int, num_in: int = 4, num_out: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(rank)
    a = torch.randn(rank, num_in, generator=generator, dtype=torch.float64)
    return {A: a, B: torch.randn(num_out, rank, generator=generator, dtype=torch.float64)}


def grown(adapter: dict[str, torch.Tensor], rank: int, *, ratio: float = 1.0) -> dict[str, torch.Tensor]:
    return grow_rank(adapter, rank=rank, scaling_ratio=ratio, generator=torch.Generator().manual_seed(0))


@few
@given(rank=sizes, more=st.integers(0, 3), ratio=st.floats(0.1, 10))
def test_more_rank_adds_the_same_to_the_weights(rank: int, more: int, ratio: float) -> None:
    adapter = pair(rank)
    found = grown(adapter, rank + more, ratio=ratio)
    assert found[A].shape == (rank + more, 4)
    torch.testing.assert_close(found[B] @ found[A] / ratio, adapter[B] @ adapter[A])


def test_the_new_rank_learns_at_once() -> None:
    """New rows of A are not zero, so that the new columns of B have a gradient."""
    found = grown(pair(2), 4)
    assert (found[A][2:].abs().sum(dim=1) > 0).all()
    assert not found[B][:, 2:].any()


@few
@given(rank=sizes, less=sizes, num_in=sizes, num_out=sizes, ratio=st.floats(0.1, 10))
def test_less_rank_keeps_the_nearest_and_says_how_near(
    rank: int, less: int, num_in: int, num_out: int, ratio: float
) -> None:
    adapter, less = pair(rank, num_in, num_out), min(rank, less)
    found, errors = shrink_rank(adapter, rank=less, scaling_ratio=ratio)
    assert (found[A].shape, found[B].shape) == ((less, num_in), (num_out, less))
    whole = adapter[B] @ adapter[A]
    left = torch.linalg.svdvals(whole)[less:].norm() / whole.norm()
    assert errors[A] == pytest.approx(float(left), abs=1e-9)
    assert float((found[B] @ found[A] / ratio - whole).norm() / whole.norm()) == pytest.approx(
        float(left), abs=1e-9
    )


def test_an_adapter_that_adds_nothing_loses_nothing() -> None:
    adapter = pair(3) | {B: torch.zeros(3, 3, dtype=torch.float64)}
    found, errors = shrink_rank(adapter, rank=1, scaling_ratio=1.0)
    assert errors == {A: 0.0}
    assert not (found[B] @ found[A]).any()


def test_convolutions_keep_the_axes_of_their_kernels() -> None:
    names = ("f.lora_A.weight", "f.lora_B.weight")
    adapter = dict(zip(names, (torch.randn(3, 2, 5, 5), torch.randn(4, 3, 1, 1)), strict=True))
    more, (less, _) = grown(adapter, 4), shrink_rank(adapter, rank=2, scaling_ratio=1.0)
    assert [tuple(more[name].shape) for name in names] == [(4, 2, 5, 5), (4, 4, 1, 1)]
    assert [tuple(less[name].shape) for name in names] == [(2, 2, 5, 5), (4, 2, 1, 1)]


@pytest.mark.parametrize("name", ["f.lora_B.bias", "f.lora_B.default.bias"])
def test_a_bias_of_b_is_scaled_too(name: str) -> None:
    adapter = pair(2) | {name: torch.ones(3)}
    for found in (grown(adapter, 3, ratio=2), shrink_rank(adapter, rank=1, scaling_ratio=2)[0]):
        assert found[name].tolist() == [2, 2, 2]


def test_other_tensors_and_dtypes_stay() -> None:
    adapter = {name: value.to(torch.bfloat16) for name, value in pair(2).items()} | {"g": torch.ones(1)}
    for found in (grown(adapter, 3), shrink_rank(adapter, rank=1, scaling_ratio=1.0)[0]):
        assert found["g"] is adapter["g"]
        assert found[A].dtype == found[B].dtype == torch.bfloat16


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf")])
def test_a_ratio_that_is_none_is_refused(ratio: float) -> None:
    with pytest.raises(InputError, match="scaling_ratio"):
        grown(pair(2), 3, ratio=ratio)


def test_a_rank_in_the_wrong_direction_is_refused() -> None:
    with pytest.raises(InputError, match="shrink_rank"):
        grown(pair(3), 2)
    with pytest.raises(InputError, match="grow_rank"):
        shrink_rank(pair(3), rank=4, scaling_ratio=1.0)


@pytest.mark.parametrize("other", [None, torch.ones(3, 5)])
def test_half_a_pair_is_refused(other: torch.Tensor | None) -> None:
    adapter = {A: pair(2)[A]} | ({} if other is None else {B: other})
    with pytest.raises(InvalidTensor, match="no pair"):
        grown(adapter, 3)
