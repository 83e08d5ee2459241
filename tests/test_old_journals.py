"""Journals that earlier versions have written are read for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from heredity.encoding import encode
from heredity.experiment import ExperimentState
from heredity.experiment.event_json import event_to_json
from heredity.journal import read_state, replay
from heredity.testing.experiments import trial_named, trial_states

DATA = Path(__file__).parent / "data"


def read(version: int) -> ExperimentState:
    return read_state(DATA / f"journal-v{version}" / "journal.jsonl")


def test_a_journal_of_version_1_is_read() -> None:
    state = read(1)
    assert trial_states(state) == {
        "father": "completed",
        "child": "completed",
        "bad": "failed",
        "orphan": "failed",
        "twin": "completed",
    }
    assert trial_named(state, "child").score == 0.7
    assert trial_named(state, "child").checkpoints == ("old/child@1",)
    assert trial_named(state, "orphan").error == "its parent bad failed: ValueError: no negative width"
    assert state.is_over


def test_a_journal_of_version_2_is_read() -> None:
    state = read(2)
    assert trial_states(state)["twin"] == "stopped_early"
    assert trial_named(state, "twin").stop_reason == "too small"
    child, orphan = trial_named(state, "child"), trial_named(state, "orphan")
    assert (child.max_steps, child.continues, child.info) == (5, True, {"rung": 0})
    assert child.metrics == {"size": 7.0}
    assert child.resources["host"] == "machine"
    assert child.reports[-1].metrics == {"loss": 1.5}
    assert (orphan.parents, orphan.lost_parents) == (("father",), ("bad",))
    assert state.rules.further_objectives == {"size": "minimize"}


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_journal_is_written_again_byte_for_byte(version: int) -> None:
    """What later versions have added is left out where it says nothing."""
    path = DATA / f"journal-v{version}" / "journal.jsonl"
    lines = [encode(event_to_json(event)) + b"\n" for event in replay(path)]
    assert b"".join(lines) == path.read_bytes()
