"""The pictures as files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from heredity.dashboard.pictures.images import VIEWS, draw_views
from heredity.dashboard.reading.sources import ExperimentSource
from heredity.errors import ConfigError
from heredity.testing.histories import History


def test_all_views_make_one_image(experiment: Path, tmp_path: Path) -> None:
    draw_views(ExperimentSource(experiment, store="none"), tmp_path / "x.png", views=VIEWS)
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"


def test_an_svg_has_the_axes_titles_as_text(experiment: Path, tmp_path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}):
        draw_views(ExperimentSource(experiment, store="none"), tmp_path / "x.svg", views=["cost"])
    assert "training steps, the ancestors' among them" in (tmp_path / "x.svg").read_text()


def test_an_empty_experiment_makes_an_image_that_says_so(
    write: Callable[[History], Path], tmp_path: Path
) -> None:
    draw_views(ExperimentSource(write(History()), store="none"), tmp_path / "x.png", views=VIEWS)
    assert (tmp_path / "x.png").stat().st_size > 5_000


def test_without_matplotlib_it_is_told_what_to_install(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError) as caught:
        draw_views(ExperimentSource(experiment, store="none"), tmp_path / "x.png", views=VIEWS)
    assert caught.value.hint == "pip install 'heredity[pictures]'"
