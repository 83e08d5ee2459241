"""The drawn lineage: who stands under whom, what is cut off, and that it may be long and deep."""

from __future__ import annotations

import pytest

from heredity.cli.trials.lineage import Cut, lineage_lines
from heredity.errors import ConfigError
from heredity.ids import TrialId
from heredity.testing.histories import History


@pytest.fixture
def history() -> History:
    history = History()
    for trial, *parents in (["a"], ["b", "a"], ["c", "b"], ["d", "a"], ["e"]):
        history.propose(trial, *parents)
    return history


def _lines(history: History, cut: Cut) -> list[str]:
    return [line.plain for line in lineage_lines(history.state, cut, marked=frozenset())]


def test_children_stand_below_their_parents(history: History) -> None:
    assert _lines(history, Cut()) == [
        "history",
        "├── a queued",
        "│   ├── b waiting",
        "│   │   └── c waiting",
        "│   └── d waiting",
        "└── e queued",
    ]


def test_one_trial_and_its_descendants(history: History) -> None:
    assert _lines(history, Cut(root=TrialId("b")))[1:] == ["└── b waiting", "    └── c waiting"]


def test_what_lies_deeper_is_counted(history: History) -> None:
    assert _lines(history, Cut(depth=0))[1:] == ["├── a queued", "│   └── … 3 below", "└── e queued"]


def test_what_comes_after_the_last_line_is_counted(history: History) -> None:
    assert _lines(history, Cut(lines=2))[1:] == ["├── a queued", "│   ├── b waiting", "… and 3 more"]


def test_an_unknown_root_is_refused(history: History) -> None:
    with pytest.raises(ConfigError, match="no trial 'z'"):
        _lines(history, Cut(root=TrialId("z")))


def test_a_lineage_may_be_deeper_than_pythons_stack() -> None:
    history = History()
    history.propose("t0")
    for number in range(1, 3_000):
        history.propose(f"t{number}", f"t{number - 1}")
        if number % 900 == 0:  # more than a thousand may not wait at a time
            for waiting in range(number - 899 if number > 900 else 0, number + 1):
                history.start(f"t{waiting}")
                history.complete(f"t{waiting}", 0.5)
    assert len(_lines(history, Cut())) == 3_001


def test_several_parents_twins_and_lost_parents_are_named() -> None:
    history = History(on_parent_failure="release")
    history.propose("a")
    history.propose("b")
    history.propose("both", "a", "b")
    history.propose("twin", twin_of="both")
    history.start("a")
    history.fail("a", "no luck")
    lines = "\n".join(_lines(history, Cut()))
    assert "both waiting  was to have a" in lines
    assert "twin queued  (twin of both, from nothing)" in lines
