"""Attempts read off a journal."""

from __future__ import annotations

from pathlib import Path

from heredity.dashboard.reading.attempts import attempts_of
from heredity.experiment import events as happened
from heredity.ids import TrialId
from heredity.journal import Journal
from heredity.testing.histories import History


def write_journal(history: History, path: Path) -> None:
    """Write a history as its driver would have."""
    started = history.events[0]
    assert isinstance(started, happened.ExperimentStarted)
    with Journal.create(path, started) as journal:
        for event in history.events[1:]:
            journal.append(event)


def test_each_start_says_how_it_began_and_ended(tmp_path: Path) -> None:
    history = History(concurrency=2)
    history.propose("trial")
    history.propose("other")
    history.start("trial", "other")
    history.report("trial", 0.1, step=3)
    history.save("trial", "history/trial@1")
    history.lose("trial")
    history.start("trial")
    history.go_on("trial", "history/trial@1", step=3, is_own=True)
    history.resume()
    history.start("trial")
    history.fail("trial", "no luck")
    write_journal(history, tmp_path / "journal.jsonl")
    first, second, third = attempts_of(tmp_path / "journal.jsonl", TrialId("trial"))
    assert (first.ending, first.last_step, first.num_checkpoints) == ("lost: the machine vanished", 3, 1)
    assert second.beginnings == ["resumed from its own history/trial@1, step 3"]
    assert second.ending == "lost: the driver went away"
    assert third.ending == "failed: no luck"


def test_a_trial_whose_name_is_another_ones_value_has_its_own_events_only(tmp_path: Path) -> None:
    history = History(concurrency=2)
    history.propose("a", parameters={"like": "b"})
    history.propose("b")
    history.start("a", "b")
    write_journal(history, tmp_path / "journal.jsonl")
    (attempt,) = attempts_of(tmp_path / "journal.jsonl", TrialId("b"))
    assert (attempt.number, attempt.ending) == (1, "runs")
