"""CSV files that grow, are repaired, and hold each trial once."""

from __future__ import annotations

import csv
from pathlib import Path

from heredity.mirrors import CsvFiles
from heredity.mirrors.mirroring import mirror_state
from heredity.testing.histories import History


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write(history: History, folder: Path) -> tuple[int, int]:
    outcome = mirror_state(history.state, CsvFiles(directory=folder), directory=folder)
    assert not outcome.problem
    return outcome.num_written, outcome.num_known


def test_a_row_a_trial_with_a_column_for_each_hyperparameter(history: History, tmp_path: Path) -> None:
    _write(history, tmp_path)
    father, child, sorry = _rows(tmp_path / "trials.csv")
    assert (father["parameters.width"], father["parameters.deep.rate"], father["score"]) == (
        "16",
        "0.1",
        "0.3",
    )
    assert (father["metrics.latency"], father["resources.host"]) == ("2.5", "h")
    assert (child["parents"], child["cumulative_steps"], child["inherited.coverage"]) == (
        "father",
        "4",
        "0.5",
    )
    assert (child["state"], child["stop_reason"]) == ("stopped_early", "below the median")
    assert (sorry["error"], sorry["score"]) == ("RuntimeError: no luck", "")


def test_reports_and_lineage_are_tables_of_their_own(history: History, tmp_path: Path) -> None:
    _write(history, tmp_path)
    reports = _rows(tmp_path / "reports.csv")
    assert [(row["trial"], row["step"], row["value"]) for row in reports[2:]] == [
        ("father", "3", "0.3"),
        ("child", "1", "0.4"),
    ]
    assert reports[1]["metrics.loss"] == "0.5"
    lineage = _rows(tmp_path / "lineage.csv")
    assert [(row["child"], row["parent"], row["verdict"]) for row in lineage] == [
        ("child", "father", "exact"),
        ("sorry", "father", ""),
    ]


def test_a_text_of_two_lines_stays_one_row(history: History, tmp_path: Path) -> None:
    _write(history, tmp_path)
    assert _rows(tmp_path / "trials.csv")[1]["parameters.act"] == "gelu\\nor so"
    assert len((tmp_path / "trials.csv").read_text().splitlines()) == 4


def test_nothing_is_written_twice(history: History, tmp_path: Path) -> None:
    assert _write(history, tmp_path) == (3, 0)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert _write(history, tmp_path) == (0, 3)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_new_hyperparameter_becomes_a_new_column(history: History, tmp_path: Path) -> None:
    _write(history, tmp_path)
    history.complete("running", 0.5)
    history.propose("late", parameters={"novel": True})
    history.start("late")
    history.complete("late", 0.6)
    assert _write(history, tmp_path) == (2, 3)
    rows = _rows(tmp_path / "trials.csv")
    assert [row["parameters.novel"] for row in rows] == ["", "", "", "", "true"]
    assert rows[0]["parameters.width"] == "16"


def test_an_end_in_the_middle_of_a_row_costs_that_trial_only(history: History, tmp_path: Path) -> None:
    """The trial is written again, and its reports are there once."""
    _write(history, tmp_path)
    whole = {name: (tmp_path / name).read_text() for name in ("trials.csv", "reports.csv", "lineage.csv")}
    path = tmp_path / "trials.csv"
    path.write_bytes(path.read_bytes()[:-10])
    assert _write(history, tmp_path) == (1, 2)
    assert {name: (tmp_path / name).read_text() for name in whole} == whole


def test_an_end_before_the_trials_own_row_leaves_no_half(history: History, tmp_path: Path) -> None:
    _write(history, tmp_path)
    whole = sorted((tmp_path / "reports.csv").read_text().splitlines())
    (tmp_path / "trials.csv").unlink()
    assert _write(history, tmp_path) == (3, 0)
    assert sorted((tmp_path / "reports.csv").read_text().splitlines()) == whole
