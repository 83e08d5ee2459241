"""An experiment whose invariants are checked when the test leaves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from heredity.testing.histories import History


@pytest.fixture
def make_experiment() -> Iterator[Callable[..., History]]:
    """Make a history by its rules."""
    made: list[History] = []

    def make(**rules: object) -> History:
        made.append(History(**rules))  # type: ignore[arg-type]  # passed on as they came
        return made[-1]

    yield make
    for history in made:
        history.state.check_invariants()


@pytest.fixture
def experiment(make_experiment: Callable[..., History]) -> History:
    """An experiment with one slot and two retries."""
    return make_experiment()
