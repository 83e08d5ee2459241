"""Sizes that are chosen, and the layers that refuse those that do not fit."""

from __future__ import annotations

import pytest
import torch
from tests.oneshot.supernets import elastic, images
from torch import nn

from heredity.errors import InputError
from heredity.oneshot import Elastic, ElasticBatchNorm2d, ElasticConv2d, choices, selecting
from heredity.transfer.shrinking.recalibration import recalibrate

WIDTH = Elastic((2, 4), label="width")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Elastic((3, 2), label="w"), "from the smallest to the largest"),
        (lambda: Elastic((), label="w"), r"to the largest, got \(\)"),
        (lambda: Elastic((0, 2), label="w"), r"to the largest, got \(0, 2\)"),
        (lambda: Elastic((1, 2), label="w") * 0, "a factor of at least 1"),
        (lambda: ElasticConv2d(4, 4, Elastic((2, 3), label="k")), "k: expected odd sizes"),
        (
            lambda: ElasticConv2d(4, 4, Elastic((1, 3), label="k"), padding=1),
            "k: a kernel that is chosen pads",
        ),
        (lambda: ElasticConv2d(WIDTH, 4, 3, groups=WIDTH), "groups: expected 1, or the same"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make: type[nn.Module], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_a_size_times_a_number_is_the_same_decision() -> None:
    assert (WIDTH * 25).point(next(iter(choices(elastic()).values())).kind) == WIDTH.point(
        next(iter(choices(elastic()).values())).kind
    )
    assert (WIDTH * 25 * 2).at(1) == 200


def test_statistics_of_the_features_that_run_are_all_that_move() -> None:
    norm = ElasticBatchNorm2d(WIDTH)
    with selecting({"width": 0}):
        norm(torch.ones(1, 2, 1, 2))
    assert norm.running_mean is not None
    assert norm.running_mean.tolist() == [pytest.approx(0.1)] * 2 + [0.0] * 2


def test_a_normalization_refuses_values_of_other_axes() -> None:
    with selecting({"width": 0}), pytest.raises(ValueError, match=r"expected a value of \(4,\) axes"):
        ElasticBatchNorm2d(WIDTH)(torch.ones(1, 2))


def test_statistics_can_be_taken_anew_for_one_selection() -> None:
    supernet, x = elastic().train(), images(8)
    with selecting({"width": 1, "narrow": 0, "kernel": 1}):
        recalibrate(supernet, [x])
        expected = supernet[0](x).mean(dim=(0, 2, 3))  # type: ignore[index]  # it is a Sequential
    norm = supernet[1]  # type: ignore[index]
    torch.testing.assert_close(norm.running_mean[:4], expected)
