"""The published spaces have the sizes that were published."""

from __future__ import annotations

import math
import random

import pytest
import torch

from heredity.errors import InputError
from heredity.oneshot import freeze, selecting, selection_of, space_of
from heredity.oneshot.spaces import DARTS_V2, DartsNetwork, NasBench201, nas_bench_201_architecture


def _num_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def benchmark() -> NasBench201:
    with torch.device("meta"):
        return NasBench201()


def test_the_network_of_darts_v2_has_the_published_number_of_parameters() -> None:
    """3.3 million, without the auxiliary head."""
    with torch.device("meta"):
        supernet = DartsNetwork(channels=36, num_cells=20, affine=True, normalized_pools=False)
    assert _num_parameters(freeze(supernet, DARTS_V2)) == 3_349_342


def test_the_network_that_darts_searches_has_the_size_that_its_code_prints() -> None:
    with torch.device("meta"):
        supernet = DartsNetwork()
    assert _num_parameters(supernet) == 1_930_618
    # The paper: two of the k + 1 inputs of each node, and one of 7 operators on each edge.
    assert space_of(supernet).size == (math.prod(k * (k + 1) // 2 for k in range(1, 5)) * 7**8) ** 2


def test_nas_bench_201_has_15625_architectures(benchmark: NasBench201) -> None:
    space = space_of(benchmark)
    assert space.size == 15_625
    assert len({space.fingerprint(point) for point in space.grid(5)}) == 15_625


@pytest.mark.parametrize(
    ("text", "num"),
    [
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 73_306),
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
            802_426,
        ),
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
            1_531_546,
        ),
    ],
)
def test_architectures_of_nas_bench_201_have_the_published_sizes(
    benchmark: NasBench201, text: str, num: int
) -> None:
    assert _num_parameters(freeze(benchmark, nas_bench_201_architecture(text))) == num


@pytest.mark.parametrize("text", ["", "|none~0|", "|none~1|+|none~0|none~1|+|none~0|none~1|none~2|"])
def test_what_is_no_architecture_of_the_benchmark_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected an architecture such as"):
        nas_bench_201_architecture(text)


@pytest.mark.parametrize("name", ["darts", "nas_bench_201"])
def test_a_small_published_network_runs_as_what_is_frozen_of_it(name: str) -> None:
    torch.manual_seed(0)
    supernet = (
        DartsNetwork(channels=4, num_cells=3) if name == "darts" else NasBench201(channels=4, num_cells=1)
    )
    architecture, x = space_of(supernet).sample(random.Random(0)), torch.randn(2, 3, 16, 16)
    frozen = freeze(supernet, architecture)
    with selecting(selection_of(supernet, architecture)):
        assert torch.equal(supernet(x), frozen(x))
