"""What is drawn while an experiment runs: all of a small one, the end of a large one, at the same price."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from rich.console import Console

from heredity.cli.trials.live import MAX_ROWS, live_view
from heredity.experiment import ExperimentState, TrialRecord
from heredity.experiment.events import Event, ExperimentStarted
from heredity.ids import TrialId
from heredity.testing.histories import History

SCORES = [0.5, 0.75, 0.25]


class _Watched(dict[TrialId, TrialRecord]):
    """Counts how often all records are gone through."""

    num_looks = 0

    def values(self) -> Iterator[TrialRecord]:  # type: ignore[override]  # a view is not needed here
        self.num_looks += 1
        return iter(super().values())


def _history(num: int) -> History:
    """Trials one after the other; the last one runs."""
    history = History()
    for number in range(1, num + 1):
        history.propose(f"t{number}")
        history.start(f"t{number}")
        if number < num:
            history.complete(f"t{number}", SCORES[number % len(SCORES)] + (number == 2))
    return history


def _drawn(history: History, monkeypatch: pytest.MonkeyPatch, *, num_known: int = 0) -> tuple[str, int]:
    """The last picture, and how often all trials were looked at after the first event that it was told."""
    monkeypatch.setattr("heredity.cli.trials.live.REFRESH_SECONDS", 0.0)
    started, *rest = history.events
    assert isinstance(started, ExperimentStarted)
    trials = _Watched()
    state = ExperimentState(started, trials=trials)
    for known in rest[:num_known]:
        state.handle(known)
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=60, legacy_windows=False)
    shown: list[Event | None] = [*rest[num_known:], None]
    with live_view(console) as observer:
        for number, event in enumerate(shown):
            if event is not None:
                state.handle(event)
            if number == 1:
                trials.num_looks = 0
            if number == len(shown) - 1:
                console.file = io.StringIO()
            observer(state, event)
        picture = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())  # type: ignore[attr-defined]  # a text in memory
    return picture, trials.num_looks


def test_a_small_experiment_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    history = _history(4)
    history.propose("child", "t4")
    picture, _ = _drawn(history, monkeypatch)
    assert all(name in picture for name in ("t1", "t2", "t3", "t4", "child"))
    assert "1 waiting" in picture
    assert "3 completed" in picture


@pytest.mark.parametrize("num_known", [0, 100, 380])
def test_of_a_large_one_the_latest_are_shown(num_known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    num = 130
    picture, num_looks = _drawn(_history(num), monkeypatch, num_known=num_known)
    shown = [number for number in range(1, num + 1) if f"t{number} " in picture]
    assert shown == list(range(num - MAX_ROWS + 1, num + 1))
    assert f"{num - 1} completed" in picture
    assert num_looks == 0


def test_the_best_is_marked_though_it_ended_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    history = _history(8)
    picture, _ = _drawn(history, monkeypatch, num_known=12)
    (best,) = (line for line in picture.splitlines() if "* " in line)
    assert "t2 " in best
    assert "1.25" in best
