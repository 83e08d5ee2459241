"""What stands where in each picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heredity.dashboard.pictures.panels import (
    Place,
    Run,
    cheapest_best,
    cost_panel,
    curves_panel,
    lineage_panel,
    runs_of,
    storage_bars,
)
from heredity.dashboard.reading.sources import ExperimentSource


@pytest.fixture
def facts(experiment: Path) -> Any:
    return ExperimentSource(experiment, store="none").facts()


def _place(name: str, x: float, merit: float) -> Place:
    run = Run(name, "completed", merit, merit, 1.0, 0, x, (), "", ())
    return Place(run, x, merit)


def test_a_lineage_has_a_line_for_each_parent(facts: Any) -> None:
    panel = lineage_panel(facts, runs_of(facts))
    assert [(place.run.id, place.x, place.y) for place in panel.places] == [
        *(("father", 0, 0), ("heir", 1, 0), ("failed", 1, -1), ("running", 1, -2)),
    ]
    assert [line.kind for line in panel.lines] == ["exact", "", ""]
    assert [star.run.id for star in panel.stars] == ["heir"]


def test_a_child_s_curve_begins_where_its_ancestors_ended(facts: Any) -> None:
    panel = curves_panel(facts, runs_of(facts))
    assert ((10, 0.4), (20, 0.6)) in [line.points for line in panel.lines]
    assert (panel.stars[0].x, panel.stars[0].y) == (30, 0.7)


def test_the_front_is_what_none_beats_at_a_lower_cost(facts: Any) -> None:
    places = [_place("dear", 9, 0.5), _place("a", 1, 0.5), _place("b", 3, 0.9), _place("c", 2, 0.4)]
    assert [place.run.id for place in cheapest_best(places)] == ["a", "b"]
    assert [place.run.id for place in cost_panel(facts, runs_of(facts)).stars] == ["father", "heir"]


def _facts_of(scores: dict[str, float], direction: str) -> Any:
    rows: list[Any] = [
        {"id": name, "state": "completed", "score": score, "parents": [], "verdict": None}
        for name, score in scores.items()
    ]
    return {"experiment": {"direction": direction}, "rows": rows}


def test_of_a_loss_the_lowest_is_the_best() -> None:
    runs = runs_of(_facts_of({"low": 0.1, "high": 0.9}, "minimize"))
    assert [run.shade for run in runs] == [1.0, 0.0]


def test_one_bad_score_does_not_make_the_others_alike() -> None:
    scores = {str(i): i / 100 for i in range(99)}
    shades = [run.shade or 0.0 for run in runs_of(_facts_of({**scores, "bad": -1e9}, "maximize"))]
    assert shades[98] - shades[49] > 0.4


def test_many_checkpoints_are_counted_that_have_no_bar() -> None:
    rows: Any = [[f"key{i}", None, 10, i, 0, 0] for i in range(100)]
    bars, num_left = storage_bars({"rows": rows})
    assert (len(bars), num_left, bars[0].label) == (24, 76, "key99")
