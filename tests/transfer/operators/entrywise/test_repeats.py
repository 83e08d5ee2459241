"""Repeated entries: keys and values that several queries share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from heredity.transfer import Certificate

STEPS = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))


class Shared(nn.Module):
    """Attention of several queries to each key; without a repeat if there is one for each."""

    def __init__(self, keys: int, ratio: int, *, width: int = 4, repeats: int | None = None) -> None:
        super().__init__()
        self.keys, self.width = keys, width
        self.repeats = repeats if repeats is not None or ratio == 1 else ratio
        self.query = nn.Linear(3, keys * ratio * width)
        self.key, self.value = nn.Linear(3, keys * width), nn.Linear(3, keys * width)
        self.last = nn.Linear(keys * ratio * width, 2)

    def heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(*x.shape[:2], -1, self.width).transpose(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (self.heads(part(x)) for part in (self.query, self.key, self.value))
        if self.repeats is not None:
            key, value = (part.repeat_interleave(self.repeats, 1) for part in (key, value))
        mixed = functional.scaled_dot_product_attention(query, key, value)
        result: torch.Tensor = self.last(mixed.transpose(1, 2).flatten(2))
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize(
    ("before", "after"),
    [((2, 2), (4, 2)), ((2, 2), (2, 4)), ((2, 2), (3, 3)), ((2, 1), (2, 2)), ((2, 1), (4, 3))],
)
def test_queries_that_share_keys_become_more(
    before: tuple[int, int], after: tuple[int, int], growth: str, grow: Callable[..., Certificate]
) -> None:
    certificate = grow(Shared(*before), Shared(*after), STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


class _Repeated(nn.Module):
    def __init__(self, width: int, repeats: int, dim: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(width * (repeats if dim == 2 else 1), 2)
        self.repeats, self.dim = repeats, dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.first(x).tanh().repeat_interleave(self.repeats, self.dim))
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_repeated_units_are_read_as_copies(growth: str, grow: Callable[..., Certificate]) -> None:
    certificate = grow(_Repeated(4, 2, 2), _Repeated(6, 3, 2), STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_repeats_along_another_axis_are_refused(grow: Callable[..., Certificate]) -> None:
    certificate = grow(_Repeated(4, 1, 2), _Repeated(4, 1, 1), STEPS)
    assert "dim is 1, in the parent 2" in certificate.reason


@pytest.mark.parametrize(("ours", "theirs"), [((1, 2), (1, 2)), ((1, 3), (1, 2)), ((2, 1, 2), (2, 1, 2))])
@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_entries_that_are_put_beside_themselves_pass(
    ours: tuple[int, ...], theirs: tuple[int, ...], growth: str, grow: Callable[..., Certificate]
) -> None:
    """What reads all repeats may read more of them, since they are alike."""

    class Beside(nn.Module):
        def __init__(self, width: int, times: tuple[int, ...]) -> None:
            super().__init__()
            self.times, self.first = times, nn.Linear(3, width)
            self.last = nn.Linear(width * times[-1], 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.last(self.first(x).repeat(self.times))
            return result

    certificate = grow(Beside(4, theirs), Beside(6, ours), torch.randn(5, 3), growth=growth)
    assert certificate.is_exact_in_training, certificate.reason
