"""The commands that draw."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from heredity.cli.main import heredity
from heredity.encoding import encode
from heredity.errors import ConfigError, HeredityError
from heredity.experiment.event_json import event_to_json
from heredity.testing.histories import History


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    history = History()
    history.propose("only")
    history.start("only")
    history.report("only", 0.3, step=1)
    history.complete("only", 0.3)
    lines = [encode(event_to_json(event)) + b"\n" for event in history.events]
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines))
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(heredity, arguments, catch_exceptions=False)
    return result.output


def test_a_report_is_written_where_it_is_asked_for(experiment: Path) -> None:
    out = experiment / "report.html"
    assert f"{out}, " in run("report", str(experiment), "-o", str(out))
    assert out.read_text().startswith("<!doctype html>")


def test_a_plot_is_drawn_of_one_view(experiment: Path) -> None:
    run("plot", str(experiment), "-o", str(experiment / "x.svg"), "--view", "curves")
    assert "<svg" in (experiment / "x.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "HERE", "-o", "x.png"), "ends with .html"),
        (("report", "HERE", "-o", "x.html", "--step", "3"), "belong to a value"),
        (("report", "HERE"), "expected a number"),
        (("report", "0.5"), "no trial's program"),
        (("plot", "HERE", "-o", "x.jpg"), "ends with .png or .svg"),
        (("plot", "/nowhere", "-o", "x.png"), "no such directory"),
        (("dashboard", "/nowhere"), "no such directory"),
        (("dashboard", "HERE", "--host", "0.0.0.0"), "other machines could read"),
        (("dashboard", "HERE", "--token", "short"), "expected 16 or more"),
    ],
)
def test_a_mistake_is_told(arguments: tuple[str, ...], message: str, experiment: Path) -> None:
    given = [str(experiment) if word == "HERE" else word for word in arguments]
    with pytest.raises(HeredityError, match=message):
        run(*given)


def test_without_a_place_the_newest_experiment_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no experiment below runs/"):
        run("dashboard")
