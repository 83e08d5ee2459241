"""What pages are told of an experiment or a store: all of it, then what has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import heredity as hd
from heredity.dashboard.reading import sources
from heredity.dashboard.reading.sources import ExperimentSource, StoreSource
from heredity.errors import ConfigError
from heredity.testing.histories import History

Write = Callable[[History], Path]


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(sources, "STORE_SECONDS", 0.0)


def _names(facts: Any) -> list[str]:
    return [row["id"] for row in facts["rows"]]


def test_the_first_look_tells_every_trial_and_where_it_stands(experiment: Path) -> None:
    facts: Any = ExperimentSource(experiment, store="none").facts()
    assert _names(facts) == ["father", "heir", "failed", "running"]
    assert facts["layout"] == [[0, 1, 1, 1], [0, 0, 1, 2], [0, 0, 1, 2]]
    assert facts["best"] == ["heir"]
    json.dumps(facts, allow_nan=False)


def test_a_later_look_tells_only_what_has_changed(family: History, write: Write) -> None:
    source = ExperimentSource(write(family), store="none")
    before: Any = source.facts()
    family.report("running", 0.9, step=9)
    write(family)
    after: Any = source.facts(before["cursor"], session=before["session"])
    assert _names(after) == ["running"]
    assert "layout" not in after
    assert not after["is_whole"]


def test_a_page_of_another_session_is_told_all(experiment: Path) -> None:
    """The server was started anew: its numbers say nothing to a page of the old one."""
    facts: Any = ExperimentSource(experiment, store="none").facts(99, session="of another server")
    assert facts["is_whole"]
    assert len(facts["rows"]) == 4


def test_a_child_that_fails_with_its_parent_is_told_though_nothing_names_it(write: Write) -> None:
    history = History(concurrency=1)
    history.propose("father")
    history.propose("child", "father")
    history.start("father")
    source = ExperimentSource(write(history), store="none")
    before: Any = source.facts()
    history.fail("father", "no luck")
    write(history)
    after: Any = source.facts(before["cursor"], session=before["session"])
    assert {row["id"]: row["state"] for row in after["rows"]} == {"father": "failed", "child": "failed"}


def test_an_experiment_without_trials_is_no_mistake(write: Write) -> None:
    facts: Any = ExperimentSource(write(History()), store="none").facts()
    assert facts["rows"] == []
    assert facts["best"] == []


def test_an_unknown_trial_is_refused_by_its_name(experiment: Path) -> None:
    source = ExperimentSource(experiment, store="none")
    source.facts()
    with pytest.raises(ConfigError, match=r"there is no trial '\.\./\.\./etc/passwd'"):
        source.detail("../../etc/passwd", log_bytes=10)


def test_a_detail_says_why_the_store_gives_no_plan(experiment: Path) -> None:
    source = ExperimentSource(experiment, store="it is gone")
    source.facts()
    assert source.detail("heir", log_bytes=10)["problem"] == "No plan is shown: it is gone"
    assert source.storage()["problem"] == "it is gone"


def test_a_store_is_shown_as_its_checkpoints(tmp_path: Path) -> None:
    import numpy as np

    store = hd.open_store(tmp_path / "store")
    store.put("father", {"w": np.ones(3)}, score=0.5)
    store.put("child", {"w": np.ones(3)}, parents=["father"], score=0.7)
    source = StoreSource(store)
    facts: Any = source.facts()
    assert _names(facts) == ["father", "child"]
    assert facts["layout"] == [[0, 1], [0, 0], [0, 0]]
    assert facts["best"] == ["child"]
    assert source.detail("child", log_bytes=0)["tensors"] == [["w", "F64", "3", "father"]]


def test_what_is_dropped_from_a_store_leaves_the_page(tmp_path: Path) -> None:
    import numpy as np

    store = hd.open_store(tmp_path / "store")
    for name in ("one", "two"):
        store.put(name, {"w": np.full(3, len(name) + ord(name[0]))})
    source = StoreSource(store)
    before: Any = source.facts()
    store.drop("one")
    after: Any = source.facts(before["cursor"], session=before["session"])
    assert after["is_whole"]
    assert _names(after) == ["two"]
