"""How things show themselves in a notebook."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import heredity as hd
from heredity.ids import TrialId
from heredity.notebooks import MOST_ROWS, table_html


def _train(trial: hd.Trial) -> float:
    return float(str(trial.parameters["x"]))


def test_what_others_wrote_is_text() -> None:
    page = table_html("<b>", ["<i>"], [["<script>"]], note="&")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<p>&amp;</p>" in page


def test_a_store_shows_its_last_checkpoints(tmp_path: Path) -> None:
    store = hd.open_store(tmp_path / "store")
    for number in range(MOST_ROWS + 2):
        store.put(f"run-{number:02d}", {"w": np.full(2, number)}, score=0.5)
    page = store._repr_html_()
    assert f"{MOST_ROWS + 2} checkpoints" in page
    assert page.count("<tr>") == MOST_ROWS + 1
    assert "… and 2 before these." in page


def test_a_checkpoint_shows_its_tensors_and_with_whom_they_lie(tmp_path: Path) -> None:
    store = hd.open_store(tmp_path / "store")
    store.put("father", {"w": np.ones((2, 3))})
    page = store.put("child", {"w": np.ones((2, 3))}, parents=["father"])._repr_html_()
    assert "<td>w</td><td>F64</td><td>2 × 3</td><td>father</td>" in page


def test_an_experiment_shows_its_trials_once_it_has_some(tmp_path: Path) -> None:
    experiment = hd.Experiment(
        train=_train,
        name="one",
        strategy=hd.strategies.Given([hd.strategies.GivenTrial(TrialId("only"), {"x": 0.25})]),
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory=tmp_path / "run",
    )
    assert "one: no trials yet" in experiment._repr_html_()
    experiment.run()
    assert "<td>only</td><td>completed</td><td>0.25</td>" in experiment._repr_html_()
