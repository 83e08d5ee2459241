"""A smaller child of a checkpoint is fitted to it: closer on inputs that were not used, and labelled."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import UntraceableModule
from heredity.inheritance import fit_to_parent, recorded_inheritance
from heredity.store import Store, open_store
from heredity.testing.generators import demo_network


@pytest.mark.parametrize(("width", "depth"), [(6, 2), (8, 1)])
def test_a_smaller_child_comes_closer_to_its_father(tmp_path: Path, width: int, depth: int) -> None:
    """Of random weights and inputs little can be told from the rest; of trained ones much more."""
    store, images, unseen = open_store(tmp_path), torch.randn(128, 1, 8, 8), torch.randn(64, 1, 8, 8)
    hd.save(store, demo_network(width=8, depth=2), key="father", example_inputs=images[:4])
    inheritance = hd.inherit(demo_network(width=width, depth=depth), store["father"])
    before = inheritance.verify(unseen).in_eval
    fitted = fit_to_parent(inheritance, images)
    assert fitted.verify(unseen).in_eval < 0.9 * before
    assert not fitted.is_exact
    assert "fitted to the parent's" in str(fitted.plan)
    assert fitted.difference is not None


def test_what_was_fitted_stays_on_record(store: Store, images: torch.Tensor) -> None:
    fitted = fit_to_parent(hd.inherit(demo_network(width=6, depth=1), store["father"]), images)
    hd.save(store, fitted.module, key="child", example_inputs=images[:4], inherited=fitted)
    recorded = recorded_inheritance(store["child"])
    assert recorded is not None
    assert recorded.plan == fitted.plan


def test_an_exact_child_stays_as_it_is(store: Store, images: torch.Tensor) -> None:
    inheritance = hd.inherit(demo_network(width=12, depth=2), store["father"])
    before = {name: value.clone() for name, value in inheritance.module.state_dict().items()}
    assert fit_to_parent(inheritance, images).plan is inheritance.plan
    assert all(value.equal(before[name]) for name, value in inheritance.module.state_dict().items())


def test_a_father_without_a_graph_is_refused(tmp_path: Path, images: torch.Tensor) -> None:
    store = open_store(tmp_path)
    hd.save(store, nn.Linear(3, 4), key="father", example_inputs=None)
    inheritance = hd.inherit(nn.Linear(3, 4), store["father"])
    with pytest.raises(UntraceableModule, match="without its graph"):
        fit_to_parent(inheritance, images)
