"""A journal read while it grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from heredity.cli.trials.following import follow_lines
from heredity.dashboard.reading.growing import GrowingJournal
from heredity.encoding import encode
from heredity.errors import CorruptJournal
from heredity.experiment.event_json import event_to_json
from heredity.testing.histories import History


def _lines(history: History) -> list[bytes]:
    return [encode(event_to_json(event)) + b"\n" for event in history.events]


@pytest.fixture
def history() -> History:
    history = History()
    history.propose("a")
    history.start("a")
    history.complete("a", 0.5)
    history.exhaust()
    return history


def test_what_is_appended_is_read_from_where_it_was_left(history: History, tmp_path: Path) -> None:
    """A line that is not yet whole is left for the next time."""
    path, lines = tmp_path / "journal.jsonl", _lines(history)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:9])
    journal = GrowingJournal(path)
    assert len(list(journal.read_on())) == 1
    assert list(journal.read_on()) == []
    with path.open("ab") as file:
        file.write(lines[2][9:] + b"".join(lines[3:]))
    assert len(list(journal.read_on())) == 3
    assert journal.state.is_over


def test_following_ends_when_the_experiment_is_over(history: History, tmp_path: Path) -> None:
    path, seen = tmp_path / "journal.jsonl", []
    path.write_bytes(b"".join(_lines(history)))
    state = follow_lines(path, lambda _, event: seen.append(type(event).__name__))
    assert seen == ["TrialProposed", "TrialStarted", "TrialCompleted", "StrategyExhausted"]
    assert state.is_over


def test_following_ends_when_nobody_drives_the_experiment(history: History, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"".join(_lines(history)[:3]))
    assert not follow_lines(path, lambda *_: None).is_over


def test_a_damaged_line_is_told_with_its_place(history: History, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(_lines(history)[0] + b"{}\n")
    journal = GrowingJournal(path)
    with pytest.raises(CorruptJournal, match="after byte"):
        list(journal.read_on())
