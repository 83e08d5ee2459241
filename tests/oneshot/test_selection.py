"""A selection travels with the call."""

from __future__ import annotations

import threading

import pytest
import torch

from heredity.errors import InputError
from heredity.oneshot import Choice, Elastic, ElasticLinear, selecting


def _signs() -> Choice:
    return Choice({"same": torch.nn.Identity(), "positive": torch.nn.ReLU()}, label="op")


def test_a_supernet_without_a_selection_says_what_to_do() -> None:
    with pytest.raises(InputError, match="op: the supernet runs without a selection") as raised:
        _signs()(torch.ones(1))
    assert "with selecting" in str(raised.value)


def test_a_label_that_is_absent_is_named() -> None:
    with (
        selecting({"depth": 1}),
        pytest.raises(InputError, match=r"op: the selection does not say.*has depth"),
    ):
        _signs()(torch.ones(1))


def test_a_selection_ends_with_its_block_even_after_an_error() -> None:
    with selecting({"op": 0}):
        with pytest.raises(ZeroDivisionError), selecting({"op": 1}):
            raise ZeroDivisionError
        assert _signs()(torch.tensor([-1.0])).item() == -1.0


def test_one_supernet_runs_by_two_selections_in_two_threads() -> None:
    supernet, barrier, results = _signs(), threading.Barrier(2), {}

    def run(position: int) -> None:
        with selecting({"op": position}):
            barrier.wait(10)
            results[position] = supernet(torch.tensor([-1.0])).item()

    threads = [threading.Thread(target=run, args=(position,)) for position in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {0: -1.0, 1: 0.0}


def test_widths_cannot_be_mixed() -> None:
    layer = ElasticLinear(3, Elastic((1, 2), label="width"))
    with selecting({"width": torch.ones(2)}), pytest.raises(InputError, match="width: expected the position"):
        layer(torch.ones(1, 3))
