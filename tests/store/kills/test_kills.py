"""Killed, or refused, at any system call: what was acknowledged stays, what is visible is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.store.kills.campaign import ERRORS, KILL, Campaign
from tests.store.kills.scenarios import SCENARIOS, Scenario
from tests.store.kills.strace import Point, touches_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # from Python 3.12 on
]

# Of each scenario a few points, all over it; `make kills` goes through all of them.
_NUM_KILLS = 6
_NUM_ERRORS = 5


def spread(points: list[Point], number: int) -> list[Point]:
    """So many points, from the first to the last."""
    last = max(1, number - 1)
    return list(dict.fromkeys(points[i * (len(points) - 1) // last] for i in range(number)))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_killed_anywhere_it_leaves_all_or_nothing(scenario: Scenario, tmp_path: Path) -> None:
    campaign = Campaign(scenario, folder=tmp_path)
    points = spread(campaign.points(), _NUM_KILLS)
    killed = [campaign.interrupt(point, KILL).was_killed for point in points]
    # A thread that came first elsewhere may have made a call superfluous, but not many.
    assert sum(killed) >= len(points) // 2


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_refused_anywhere_it_says_so_and_can_be_repeated(scenario: Scenario, tmp_path: Path) -> None:
    campaign = Campaign(scenario, folder=tmp_path)
    points = spread([point for point in campaign.points() if touches_files(point)], _NUM_ERRORS)
    for point, error in zip(points, ERRORS, strict=False):
        assert not campaign.interrupt(point, f"error={error}").killed_by
