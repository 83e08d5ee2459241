"""A short family history, whose results are mirrored."""

from __future__ import annotations

import pytest

from heredity.testing.histories import History


def family() -> History:
    """A founder; a child that inherited and was stopped early; one that failed; one that still runs."""
    history = History(concurrency=4, further_objectives={"latency": "minimize"})
    history.propose("father", parameters={"width": 16, "act": "relu", "deep": {"rate": 0.1}})
    history.start("father")
    for step in (1, 2, 3):
        history.report("father", step / 10, step=step, metrics={"loss": 1 / step})
    history.save("father", "history/father@1")
    history.complete("father", 0.3, metrics={"latency": 2.5}, resources={"cpu_seconds": 1.5, "host": "h"})
    history.propose("child", "father", parameters={"width": 24, "act": "gelu\nor so"})
    history.start("child")
    history.inherit("child", {"verdict": "exact", "coverage": 0.5})
    history.report("child", 0.4, step=1)
    history.ask_to_stop("child", "below the median")
    history.stop_early("child", 0.4)
    history.propose("sorry", "father", parameters={"width": "wide"})
    history.start("sorry")
    history.fail("sorry", "Traceback\n  here\nRuntimeError: no luck\n")
    history.propose("running", "child")
    history.start("running")
    history.report("running", 0.41, step=1)
    return history


@pytest.fixture
def history() -> History:
    """The family."""
    return family()
