"""Cells and weights can be looked at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tests.oneshot.differentiable.supernets import batch, small_search

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.oneshot.differentiable import SearchSettings
from heredity.oneshot.differentiable.pictures import cell_dot, draw_cell, weights_over_time

CELL: dict[str, Json] = {
    "normal/0/0": "sep_conv_3x3",
    "normal/0/1": "skip_connect",
    "normal/1/inputs": [0, 2],
    "normal/1/0": "dil_conv_5x5",
    "normal/1/1": "max_pool_3x3",
    "normal/1/2": "sep_conv_5x5",
    "reduce/0/0": "max_pool_3x3",
    "width": 16,
}


def test_the_text_of_a_cell_has_its_edges_and_no_others() -> None:
    text = cell_dot(CELL, "normal")
    assert text.count(" -> v") == 4
    assert 'v0 -> v2 [label="sep_conv_3x3"];' in text
    assert 'v2 -> v3 [label="sep_conv_5x5"];' in text
    assert "max_pool" not in text
    assert text.count("-> out") == 2


def test_a_name_may_have_quotes() -> None:
    assert r'label="a \"b\""' in cell_dot({"c/0/0": 'a "b"'}, "c", num_inputs=1)


def test_a_cell_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        InputError, match="cell 'norm': the architecture has no such cell, but normal, reduce"
    ):
        cell_dot(CELL, "norm")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize(("ending", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_a_cell_is_drawn(tmp_path: Path, ending: str, begin: bytes) -> None:
    assert draw_cell(CELL, "normal", path=tmp_path / f"cell.{ending}").read_bytes().startswith(begin)


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a name that ends with .svg or .png"):
        draw_cell(CELL, "normal", path=tmp_path / "cell.pdf")


def test_weights_are_drawn_once_there_are_some(tmp_path: Path) -> None:
    search = small_search(settings=SearchSettings(num_epochs=2, steps_per_epoch=1), dtype=torch.float32)
    with pytest.raises(InputError, match="no epoch of the search is over"):
        weights_over_time(search, path=tmp_path / "weights.svg")
    search.step(batch(1, dtype=torch.float32), batch(2, dtype=torch.float32))
    text = weights_over_time(search, path=tmp_path / "weights.svg").read_text()
    assert "cell/1/2" in text
    assert "convolution" in text
