"""The edge between an experiment and its mirrors: nothing is disturbed, lost in silence or written twice."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from heredity.errors import ConfigError
from heredity.experiment import Report
from heredity.ids import TrialId
from heredity.mirrors import ExperimentFacts, Mirror, Mirroring, MirrorSettings, TrialFacts, settings_of
from heredity.mirrors.mirroring import mirror_state
from heredity.testing.histories import History


@dataclass
class Notebook(MirrorSettings, Mirror):
    """A mirror that keeps what it is told, and fails as often as it is asked to."""

    held: set[str] = field(default_factory=set)
    num_failures: int = 0
    opening_fails: bool = False
    written: list[TrialFacts] = field(default_factory=list)
    reports: list[tuple[str, int]] = field(default_factory=list)
    is_closed: bool = False
    thread: str = ""

    @property
    def kind(self) -> str:
        return "notebook"

    @property
    def place(self) -> str:
        return "here"

    def open(self, directory: Path, experiment: ExperimentFacts) -> Mirror:
        if self.opening_fails:
            raise ConfigError("no paper.")
        return self

    def known(self) -> set[TrialId]:
        return {TrialId(name) for name in self.held}

    def report(self, trial: TrialFacts, report: Report) -> None:
        self.reports.append((trial.id, report.step))

    def write(self, trial: TrialFacts) -> None:
        self.thread = threading.current_thread().name
        if self.num_failures:
            self.num_failures -= 1
            raise ValueError("the pen is dry")
        self.written.append(trial)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


def _replayed(history: History, notebook: Notebook) -> Mirroring:
    """Let an observer see each event of a history, as the loop would show it."""
    mirroring, beginning = Mirroring(notebook, directory=Path("nowhere")), History(concurrency=4)
    beginning.state.rules = history.state.rules
    mirroring(beginning.state, None)
    for event in history.events[1:]:
        beginning.state.handle(event)
        mirroring(beginning.state, event)
    return mirroring


def test_a_mirror_is_told_each_trial_once_when_it_ends(history: History) -> None:
    notebook = Notebook()
    outcome = _replayed(history, notebook).close()
    assert [trial.id for trial in notebook.written] == ["father", "child", "sorry"]
    assert (outcome.num_written, outcome.num_missing, outcome.problem) == (3, 0, "")
    assert notebook.is_closed


def test_a_mirror_works_in_a_thread_of_its_own(history: History) -> None:
    notebook = Notebook()
    _replayed(history, notebook).close()
    assert notebook.thread == "mirror notebook"


def test_a_mirror_hears_reports_of_running_trials(history: History) -> None:
    notebook = Notebook()
    _replayed(history, notebook).close()
    assert notebook.reports == [("father", 1), ("father", 2), ("father", 3), ("child", 1), ("running", 1)]


def test_facts_count_the_steps_of_ancestors(history: History) -> None:
    notebook = Notebook()
    _replayed(history, notebook).close()
    assert [trial.cumulative_steps for trial in notebook.written] == [3, 4, 3]


def test_a_child_that_fails_with_its_parent_is_told_too() -> None:
    history = History(concurrency=1)
    history.propose("father")
    history.propose("child", "father")
    history.start("father")
    history.fail("father", "no luck")
    notebook = Notebook()
    assert _replayed(history, notebook).close().num_missing == 0
    assert [(trial.id, trial.state) for trial in notebook.written] == [
        ("father", "failed"),
        ("child", "failed"),
    ]


def test_what_a_mirror_holds_is_not_written_again(history: History) -> None:
    notebook = Notebook(held={"father"})
    outcome = mirror_state(history.state, notebook, directory=Path("nowhere"))
    assert [trial.id for trial in notebook.written] == ["child", "sorry"]
    assert (outcome.num_written, outcome.num_known) == (2, 1)


def test_attached_in_the_middle_it_is_told_what_was_before(history: History) -> None:
    notebook = Notebook()
    mirroring = Mirroring(notebook, directory=Path("nowhere"))
    mirroring(history.state, None)
    history.complete("running", 0.5)
    mirroring(history.state, history.events[-1])
    mirroring.close()
    assert [trial.id for trial in notebook.written] == ["father", "child", "sorry", "running"]


def test_a_trial_that_could_not_be_written_is_offered_again_at_the_end(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    notebook = Notebook(num_failures=1)
    outcome = mirror_state(history.state, notebook, directory=Path("nowhere"))
    assert [trial.id for trial in notebook.written] == ["child", "sorry", "father"]
    assert outcome.num_missing == 0
    assert outcome.problem == "ValueError: the pen is dry"
    assert caplog.messages == ["mirror notebook: ValueError: the pen is dry; the experiment goes on"]


def test_a_mirror_that_always_fails_is_told_once_and_left_alone(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    notebook = Notebook(num_failures=1_000)
    for number in range(20):
        history.propose(f"more{number}", "sorry")
    outcome = mirror_state(history.state, notebook, directory=Path("nowhere"))
    assert (outcome.num_written, outcome.num_missing) == (0, 23)
    assert notebook.num_failures == 1_000 - 3 - 3  # three in a row before the end, and three then
    assert len(caplog.messages) == 1


def test_a_mirror_that_cannot_be_opened_misses_all_and_says_why(history: History) -> None:
    outcome = mirror_state(history.state, Notebook(opening_fails=True), directory=Path("nowhere"))
    assert (outcome.num_written, outcome.num_missing) == (0, 3)
    assert outcome.problem == "ConfigError: no paper."


def test_an_unknown_kind_is_told_its_nearest_neighbour() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'tensorboard'"):
        settings_of("tensorbord")
