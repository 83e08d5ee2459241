"""The mailbox of an experiment on Ray, without a cluster."""

from __future__ import annotations

import asyncio

import pytest

from heredity.engine.executors.on_ray.executor import SILENCE_SECONDS
from heredity.engine.executors.on_ray.mailbox import LONGEST_BEAT_SECONDS, Mailbox


@pytest.mark.parametrize(("num_attempts", "seconds"), [(1, 2.0), (1000, 2.0), (3000, 6.0), (50_000, 10.0)])
def test_the_more_attempts_run_the_less_often_each_says_that_it_is_there(
    num_attempts: int, seconds: float
) -> None:
    async def pause() -> float:
        mailbox = Mailbox()
        for number in range(num_attempts):
            await mailbox.begin(f"trial-{number}@1", "token")
        return await mailbox.beat("trial-0@1")

    assert asyncio.run(pause()) == seconds


def test_three_beats_may_be_missed_before_an_attempt_counts_as_lost() -> None:
    assert 4 * LONGEST_BEAT_SECONDS <= SILENCE_SECONDS
