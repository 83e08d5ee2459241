"""`heredity ls`, `show`, `tree`, `compare` and `export-results` as they are typed, on an experiment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from heredity.cli import main as cli
from heredity.errors import ConfigError
from heredity.experiment import events as happened
from heredity.journal import Journal
from heredity.testing.histories import History

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Types a command, with ``evo`` for the directory of an experiment; returns what it printed."""
    history = History(further_objectives={"latency": "minimize"})
    history.propose("father", parameters={"width": 8}, max_steps=9)
    history.start("father")
    for step in (3, 6, 9):
        history.report("father", step / 10, step=step, metrics={"loss": 1 / step})
    history.save("father", "history/father@1")
    history.lose("father")
    history.start("father")
    history.go_on("father", "history/father@1", step=9, is_own=True)
    history.complete("father", 0.9, metrics={"latency": 2.0}, resources={"cpu_seconds": 1.0, "host": "h"})
    history.propose("child", "father")
    history.start("child")
    history.inherit("child", {"parent": "history/father@1", "verdict": "exact", "coverage": 0.5})
    history.ask_to_stop("child", "below the median")
    history.stop_early("child", 0.2)
    history.exhaust()
    started = history.events[0]
    assert isinstance(started, happened.ExperimentStarted)
    (tmp_path / "evo/logs").mkdir(parents=True)
    (tmp_path / "evo/logs/father@2.log").write_text("one\nold\rnew\n\x1b[31mred\x1b[0m\x07\n")
    with Journal.create(tmp_path / "evo/journal.jsonl", started) as journal:
        for event in history.events[1:]:
            journal.append(event)

    def run(*arguments: str) -> str:
        typed = [str(tmp_path / part) if part == "evo" else part for part in arguments]
        done = CliRunner().invoke(cli.heredity, typed)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return run


def test_ls_chooses(run: Run) -> None:
    assert [line.split()[0] for line in run("ls", "evo", "--parent", "father").splitlines()[2:]] == ["child"]
    assert "below the median" in run("ls", "evo", "--state", "stopped_early")
    assert [trial["trial"] for trial in json.loads(run("ls", "evo", "--best", "1", "--json"))] == ["father"]


def test_ls_as_json_has_what_is_new(run: Run) -> None:
    father, child = json.loads(run("ls", "evo", "--json"))
    assert (father["max_steps"], father["metrics"], father["on_front"]) == (9, {"latency": 2.0}, True)
    assert father["reports"][0] == [3, 0.3, {"loss": 1 / 3}]
    assert (child["stop_reason"], child["continues"], child["on_front"]) == ("below the median", False, False)


def test_following_tells_what_happened(run: Run) -> None:
    output = run("ls", "evo", "--follow")
    assert "father: completed, score 0.9" in output
    assert "child: stopped early, score 0.2: below the median" in output


def test_show_has_curves_attempts_and_the_end_of_the_log(run: Run) -> None:
    output = run("show", "evo", "father")
    for text in (
        "█  0.3 → 0.9 (least 0.3, most 0.9)",
        "loss ",
        "latency 2 (minimize)",
        "lost: the machine vanished",
        "resumed from its own history/father@1, step 9",
        "asked to train up to step 9",
        "\n  new\n  red�\n",
    ):
        assert text in output
    assert "old" not in output
    assert "new" not in run("show", "evo", "father", "--log-lines", "0")


def test_show_as_json_has_the_attempts(run: Run) -> None:
    shown = json.loads(run("show", "evo", "father", "--json"))
    assert [attempt["ended"] for attempt in shown["attempts"]] == ["lost: the machine vanished", "completed"]
    assert (shown["children"], shown["cumulative_steps"]) == (["child"], 9)


def test_tree_draws_a_part(run: Run) -> None:
    assert run("tree", "evo", "--of", "child").splitlines()[1].startswith("└── child stopped early")
    assert "… 1 below" in run("tree", "evo", "--depth", "0")


def test_compare_puts_experiments_side_by_side(run: Run) -> None:
    output = run("compare", "evo", "evo")
    for text in ("best score", "it inherited", "nothing", "after 9 steps", "stopped early"):
        assert text in output
    first, second = json.loads(run("compare", "evo", "evo", "--by", "trials", "--json"))
    assert first == second
    assert first["curve"] == {"by": "trials", "points": [[1, 0.9]]}
    assert first["best"]["verdict"] is None


def test_results_are_exported_once(run: Run, tmp_path: Path) -> None:
    first = json.loads(run("export-results", "evo", "--to", "csv", "--json"))
    second = json.loads(run("export-results", "evo", "--to", "csv", "--json"))
    assert (first["num_written"], second["num_written"], second["num_known"]) == (2, 0, 2)
    assert (tmp_path / "evo/mirrors/csv/trials.csv").exists()
    assert "2 trials written" in run("export-results", "evo", "--to", "csv", "--out", str(tmp_path / "out"))


def test_options_without_a_meaning_are_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a directory, which mlflow does not take"):
        run("export-results", "evo", "--to", "mlflow", "--out", str(tmp_path))
    with pytest.raises(ConfigError, match="no such trial"):
        run("ls", "evo", "--parent", "nobody")
