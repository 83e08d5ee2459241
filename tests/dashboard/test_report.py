"""The report: one file with all of it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from heredity.dashboard.reading.sources import ExperimentSource
from heredity.dashboard.report import details_within, write_report
from heredity.errors import ConfigError

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_the_report_is_one_file_without_markup_of_others(experiment: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert write_report(ExperimentSource(experiment, store="none"), out, now=NOW) == 4
    text = out.read_text()
    assert "window.harmed" in text  # the log is in it, and harms nobody
    assert "<img" not in text
    assert text.count("<script") == text.count("</script>") == 3


def test_the_best_trial_and_its_ancestors_come_first_where_room_is_short(experiment: Path) -> None:
    source = ExperimentSource(experiment, store="none")
    facts: Any = source.facts()
    all_of_them = details_within(source, facts, max_bytes=1 << 20)
    assert list(all_of_them) == ["heir", "father", "running", "failed"]
    room = sum(len(json.dumps(all_of_them[name])) for name in ("heir", "father"))
    assert list(details_within(source, facts, max_bytes=room)) == ["heir", "father"]


def test_a_place_that_cannot_be_written_is_told(experiment: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_report(ExperimentSource(experiment, store="none"), tmp_path / "no" / "x.html", now=NOW)
