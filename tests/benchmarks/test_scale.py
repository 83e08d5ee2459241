"""The simulation of a cluster keeps the laws of queues; the measurement past one machine still runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from scale_assumptions import Beats, Workload  # benchmarks are no package
from scale_simulation import Costs, Outcome, Simulation

CALL = 0.01
COSTS = Costs(
    call=CALL,
    look=CALL,
    look_per_attempt=0.0,
    turn=0.0,
    turn_per_attempt=0.0,
    event=0.001,
    trial=0.002,
    sync=0.003,
    inherit=0.1,
    save=0.1,
)
WORKLOAD = Workload(train_seconds=20.0, report_seconds=1000.0, launch_seconds=1.0)


def _outcome(num_attempts: int, beats: Beats) -> Outcome:
    simulation = Simulation(num_attempts, costs=COSTS, workload=WORKLOAD, beats=beats)
    return simulation.run(warm_up_seconds=40, seconds=100)


def test_a_few_attempts_are_handed_over_as_fast_as_a_call_a_look_and_a_turn() -> None:
    outcome = _outcome(2, Beats(seconds=1000))

    fastest = min(outcome.handover_seconds)
    assert fastest == pytest.approx(CALL + COSTS.look + COSTS.event + COSTS.trial + COSTS.sync)
    assert outcome.trials_a_second == pytest.approx(2 / (20 + 1 + 0.1 + 0.1), rel=0.5)


def test_a_server_is_busy_for_as_long_as_its_calls_take() -> None:
    outcome = _outcome(100, Beats(seconds=2.0))

    assert outcome.mailbox_load == pytest.approx(outcome.calls_a_second * CALL, rel=0.02)
    assert outcome.mailbox_load < 1


def test_more_beats_than_the_mailbox_can_take_make_the_silences_longer() -> None:
    """In a closed system each beat comes when all others have had their turn: N times a call."""
    outcome = _outcome(1000, Beats(seconds=2.0))

    assert outcome.mailbox_load == pytest.approx(1.0, rel=0.02)
    assert max(outcome.beat_seconds) > 1000 * CALL * 0.9


def test_attempts_that_beat_less_often_leave_the_mailbox_its_time() -> None:
    """500 attempts, each of which beats every ten seconds: fifty calls of ten milliseconds a second."""
    quiet = Workload(train_seconds=1e6, report_seconds=1e6)
    loads = [
        Simulation(500, costs=COSTS, workload=quiet, beats=beats)
        .run(warm_up_seconds=20, seconds=60)
        .mailbox_load
        for beats in (Beats(), Beats(most_a_second=25))
    ]

    assert loads == pytest.approx([1.0, 0.5], rel=0.05)


def test_the_same_simulation_gives_the_same_outcome() -> None:
    assert _outcome(50, Beats()) == _outcome(50, Beats())


# What other tests of Ray have left open is none of this one's, which runs in a process of its own.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.ray
def test_all_parts_are_measured_and_reported(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "scale_run.py", "--tiny", "--report", page],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr

    numbers = json.loads(page.with_suffix(".json").read_text())
    assert numbers["requests"]["single"]["save, nothing shared"]["PUT"] == 1
    assert numbers["requests"]["growing"]["collect: per live checkpoint"]["GET"] == 1
    assert "## What is full first" in page.read_text()
    for name in ("loads", "delays"):
        assert (tmp_path / f"page-{name}.svg").stat().st_size > 1000
