"""The benchmark of one-shot search: networks in a stack train as they do alone; ranks are counted right."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("mnist1d", reason="the group bench is not installed")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SHAPES = {"mnist-1d": (1, 40), "fashion-14": (1, 14, 14)}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # Any: modules that are imported by their path
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    torch.set_default_dtype(torch.float64)
    yield importlib.import_module("oneshot_tables")
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("name", "key"),
    [("mnist-1d", "tanh-8-3/skip_connect/relu-8-9"), ("fashion-14", "sigmoid-4-3-2")],
)
def test_networks_in_one_stack_train_as_they_do_alone(tables: Any, name: str, key: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, *SHAPES[name], generator=generator), torch.arange(60) % 10
    splits = importlib.import_module("gain_data").Splits((x, y), (x, y), (x, y))
    space = replace(tables.SPACES[name], load=lambda: splits, batch=20)
    assert tables.gaps(space, key, num_steps=4)["outputs"] < 1e-10


@pytest.mark.parametrize(("name", "num"), [("mnist-1d", 729), ("fashion-14", 81)])
def test_each_architecture_is_one_of_the_supernet_with_copies(tables: Any, name: str, num: int) -> None:
    oneshot = importlib.import_module("heredity.oneshot")
    space = tables.SPACES[name]
    supernet = space.copies()
    points = oneshot.space_of(supernet)
    keys = space.keys()
    assert points.size == len(keys) == num
    for key in keys:
        architecture = space.to_copies(key)
        assert not points.problems(architecture)
        assert space.from_copies(architecture) == key
    for key in list(keys)[:: num // 8]:
        frozen = oneshot.freeze(supernet, space.to_copies(key))
        network = space.network(keys[key], seed=0)
        assert [each.shape for each in frozen.parameters()] == [each.shape for each in network.parameters()]


@pytest.mark.parametrize("name", SHAPES)
def test_the_names_are_the_whole_space(tables: Any, name: str) -> None:
    space = tables.SPACES[name]
    points = importlib.import_module("heredity.oneshot").space_of(space.slices())
    assert points.size == len(space.keys())
    assert not [key for key, point in space.keys().items() if points.problems(point)]


def test_tau_and_what_is_left_of_it_without_size(tables: Any) -> None:
    known = importlib.import_module("oneshot_statistics")
    rng = np.random.default_rng(0)
    size, own = rng.normal(size=(2, 200))
    assert known.tau([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    assert known.tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / np.sqrt(2 * 3))
    assert known.tau(size, 3 * size + own) > 0.5
    assert abs(known.partial_tau(size, 3 * size + own, size)) < 0.1
    assert known.partial_tau(size + own, 3 * size + own, size) > 0.5
