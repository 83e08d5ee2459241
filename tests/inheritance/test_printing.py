"""An inheritance is readable, however many tensors there are."""

from __future__ import annotations

import uuid

import torch
from torch import nn

import heredity as hd
from heredity.inheritance import Inheritance, tables


def _deep(width: int, depth: int) -> nn.Module:
    layers = [layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), *layers, nn.Linear(width, 2))


def _inherited(father: nn.Module, child: nn.Module, *, key: str = "father") -> Inheritance:
    store = hd.open_store(f"memory://{uuid.uuid4().hex}")
    hd.save(store, father, key=key, score=0.91, example_inputs=torch.randn(4, 3))
    return hd.inherit(child, store[key])


def test_tensors_that_fare_alike_share_a_row() -> None:
    inheritance = _inherited(_deep(4, 40), _deep(6, 40))
    text = str(inheritance)
    assert len(inheritance.plan.steps) == 84
    assert text.splitlines()[0] == "inherited from father, score 0.91, by best_effort"
    assert len(text.splitlines()) < 25
    assert "40 × *.weight" in text
    assert len(str(inheritance.plan).splitlines()) > 84


def test_every_tensor_is_counted_in_exactly_one_row() -> None:
    plan = _inherited(_deep(4, 5), _deep(6, 5)).plan
    counts = [int(row.tensors.partition(" ")[0]) if " " in row.tensors else 1 for row in tables.folded(plan)]
    assert sum(counts) == len(plan.steps)


def test_unchanged_copies_are_one_row_at_the_end() -> None:
    lines = str(_inherited(_deep(4, 5), _deep(4, 5))).splitlines()
    assert lines[-1].split("  ")[0] == "14 tensors, unchanged"


def test_a_long_table_is_cut_and_says_where_the_rest_is() -> None:
    rows = [tables.Row(f"name{'x' * i}", "exact", "", "copy", "") for i in range(tables.MOST_ROWS + 3)]
    assert tables.text_table(rows).splitlines()[-1] == (
        "… and 3 rows more: print(inheritance.plan) shows all tensors"
    )
    assert "3 rows more" in tables.html_rows(rows)


def test_html_holds_the_same_and_names_are_text_in_it() -> None:
    html = _inherited(_deep(4, 5), _deep(6, 5), key="a&b")._repr_html_()
    assert "inherited from a&amp;b" in html
    assert "<summary>all 14 tensors</summary>" in html
    assert html.count("<table>") == html.count("</table>") == 2
    assert "<td>12.weight</td>" in html
