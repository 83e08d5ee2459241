"""The Gaussian process interpolates what is certain, doubts what is far, and bears what is no kernel."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from tests.space.spaces import RNGS
from tests.strategies.morphism.networks import BLOCKS

from heredity.space import Choice, Int, Space
from heredity.strategies.morphism import EditDistance
from heredity.strategies.morphism.gaussian_process import GaussianProcess, fitted, standardized

LINE = np.linspace(0.0, 10.0, 21)


def on_a_line(places: np.ndarray) -> np.ndarray:
    return np.abs(places[:, None] - LINE[None, :])


def wave() -> GaussianProcess:
    return fitted(on_a_line(LINE), np.sin(LINE))


def test_what_was_seen_is_expected_again() -> None:
    expected, deviation = wave().predict(on_a_line(LINE))
    assert expected == pytest.approx(np.sin(LINE), abs=0.01)
    assert deviation.max() < 0.1


def test_what_lies_between_is_expected_between() -> None:
    between = (LINE[1:] + LINE[:-1]) / 2
    expected, _ = wave().predict(on_a_line(between))
    assert expected == pytest.approx(np.sin(between), abs=0.1)


def test_what_is_far_is_uncertain_and_expected_to_be_as_the_mean() -> None:
    model = wave()
    expected, deviation = model.predict(on_a_line(np.array([5.1, 1e4])))
    assert deviation[1] > 3 * deviation[0]
    assert deviation[1] == pytest.approx(np.sqrt(model.variance))
    assert expected[1] == pytest.approx(model.mean)


def test_noise_is_seen_as_noise() -> None:
    rng = np.random.default_rng(0)
    clear, noisy = (fitted(on_a_line(LINE), values) for values in (LINE, rng.standard_normal(len(LINE))))
    assert clear.noise < noisy.noise


@pytest.mark.parametrize("num", [1, 2, 3])
def test_few_or_equal_values_will_do(num: int) -> None:
    distances = on_a_line(LINE)[:num, :num]
    expected, deviation = fitted(distances, np.zeros(num)).predict(on_a_line(LINE)[:, :num])
    assert expected == pytest.approx(np.zeros(len(LINE)))
    assert np.isfinite(deviation).all()


def test_one_point_may_be_tried_several_times() -> None:
    model = fitted(np.zeros((3, 3)), np.array([0.0, 1.0, 2.0]))
    expected, _ = model.predict(np.zeros((1, 3)))
    assert expected[0] == pytest.approx(1.0)


def test_distances_that_give_no_kernel_are_borne() -> None:
    """A point near four others that are far from one another: the correlations contradict each other."""
    star = np.full((5, 5), 32.0)
    star[0, :] = star[:, 0] = 2.0
    np.fill_diagonal(star, 0.0)
    assert np.linalg.eigvalsh(np.exp(-star / 8.0)).min() < -0.1
    values = np.array([1.0, -1.0, 0.0, 0.0, 0.0])
    expected, deviation = fitted(star, values).predict(star)
    assert np.abs(expected).max() <= 1.5
    assert expected.argmax() == 0
    assert (deviation > 0.0).all()


@given(RNGS)
@settings(deadline=None, max_examples=20)
def test_without_lists_of_blocks_the_correlation_is_positive_definite(rng: random.Random) -> None:
    space = Space({"width": Int(1, 64), "kernel": Choice([1, 3, 5], ordered=True), "act": Choice("abc")})
    points = [space.sample(rng) for _ in range(30)]
    correlation = np.exp(-EditDistance(space).table(points, points))
    assert np.linalg.eigvalsh(correlation).min() > -1e-9


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_out_of_lists_of_blocks_is_next_to_nothing(seed: int) -> None:
    """Compared with all that varies, what varies along directions without a proper correlation."""
    rng = random.Random(seed)
    points = [BLOCKS.sample(rng) for _ in range(100)]
    distances = EditDistance(BLOCKS).table(points, points)
    for scale in (0.5, 1.0, 2.0, 4.0, 8.0):
        eigenvalues = np.linalg.eigvalsh(np.exp(-distances / (scale * np.median(distances))))
        assert -eigenvalues[eigenvalues < 0.0].sum() < 0.01 * np.abs(eigenvalues).sum()


def test_values_are_standardized() -> None:
    values = standardized(np.array([1.0, 2.0, 3.0, 4.0]))
    assert values.mean() == pytest.approx(0.0)
    assert values.std() == pytest.approx(1.0)


def test_one_value_far_below_does_not_make_the_others_look_alike() -> None:
    usual = np.linspace(0.5, 0.9, 9)
    values = standardized(np.array([-1e9, *usual]))
    assert np.ptp(values[1:]) > 1.0
    assert values.argmin() == 0


def test_a_thousand_points_are_fitted_in_seconds() -> None:
    """Only that it goes through; `docs/strategies.md` says how long it takes."""
    rng = np.random.default_rng(0)
    places = rng.random((1000, 3))
    distances = np.abs(places[:, None] - places[None, :]).sum(axis=2)
    expected, _ = fitted(distances, places.sum(axis=1)).predict(distances[:5])
    assert expected == pytest.approx(places[:5].sum(axis=1), abs=0.1)
