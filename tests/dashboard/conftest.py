"""What the tests of the dashboard share: a small experiment on disk, with a log that tries to do harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from heredity.encoding import Json, encode
from heredity.experiment.event_json import event_to_json
from heredity.testing.histories import History

NASTY = "</script><script>window.harmed=1</script><img src=x onerror=window.harmed=1>"
INHERITED: dict[str, Json] = {
    "parent": "history/father@1",
    "verdict": "exact",
    "coverage": 0.5,
    "policy": "best_effort",
}

Write = Callable[[History], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a history as the journal of an experiment; called again, it appends what has happened since."""
    directory = tmp_path / "experiment"
    num_written = 0

    def write_it(history: History) -> Path:
        nonlocal num_written
        directory.mkdir(exist_ok=True)
        with (directory / "journal.jsonl").open("ab") as journal:
            for event in history.events[num_written:]:
                journal.write(encode(event_to_json(event)) + b"\n")
        num_written = len(history.events)
        return directory

    return write_it


@pytest.fixture
def family() -> History:
    """A father who ended, an heir who ended, a child who failed with a nasty error, and one who runs."""
    history = History(concurrency=4)
    history.propose("father")
    history.start("father")
    for step, value in ((10, 0.4), (20, 0.6)):
        history.report("father", value, step=step)
    history.save("father", "history/father@1")
    history.complete("father", 0.6)
    for name in ("heir", "failed", "running"):
        history.propose(name, "father")
    history.start("heir", "failed", "running")
    history.inherit("heir", INHERITED)
    history.report("heir", 0.7, step=10)
    history.save("heir", "history/heir@1")
    history.complete("heir", 0.8)
    history.fail("failed", f"Traceback (most recent call last):\n  File x\nRuntimeError: {NASTY}")
    history.report("running", 0.5, step=5)
    return history


@pytest.fixture
def experiment(family: History, write: Write) -> Path:
    """The family on disk, with logs."""
    directory = write(family)
    (directory / "logs").mkdir()
    log = f"epoch 1\n{NASTY}\n\x1b[31mred\x1b[0m \x07bell \u202eturned\n"
    (directory / "logs" / "heir@1.log").write_text(log)
    return directory
