"""What is saved with a network, and what is found by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import InvalidTensor
from heredity.store import Store, open_store
from heredity.testing.generators import demo_network


class Moody(nn.Module):
    """Its forward depends on its data, so that no graph can be recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.inner(x) if x.sum() > 0 else self.inner(-x)


def test_trained_weights_are_saved_even_if_their_graph_cannot_be(tmp_path: Path) -> None:
    module = Moody()
    with pytest.warns(UserWarning, match="father is saved without its graph"):
        father = hd.save(
            open_store(tmp_path / "store"), module, key="father", example_inputs=torch.ones(2, 3)
        )
    assert father.graph is None
    child = Moody()
    hd.load(child, father)
    assert torch.equal(child.inner.weight, module.inner.weight)


def test_siblings_share_what_they_have_in_common(store: Store, images: torch.Tensor) -> None:
    child = demo_network(width=8, depth=1)
    hd.inherit(child, store["father"])
    saved = hd.save(store, child, key="child", parents=["father"], example_inputs=images[:4])
    assert saved.own_bytes == 0
    assert [ancestor.key for ancestor in store.ancestors("child")] == ["father"]


def test_a_save_names_the_layers_of_its_graph(store: Store, images: torch.Tensor) -> None:
    """However many images it was traced on; and a deeper one begins with the same."""
    deeper = hd.save(store, demo_network(width=8, depth=2), key="deeper", example_inputs=images[:7])
    father, child = store["father"].manifest.fingerprints, deeper.manifest.fingerprints
    assert father is not None
    assert child is not None
    assert father.layers[0] == child.layers[0]
    assert len(father.layers) < len(child.layers)
    assert father.outline != child.outline


def test_a_save_without_inputs_names_none(store: Store) -> None:
    saved = hd.save(store, demo_network(width=8, depth=1), key="untraced")
    assert saved.manifest.fingerprints is None


def test_a_network_that_diverged_is_refused_on_demand(store: Store) -> None:
    network = demo_network(width=8, depth=1)
    next(network.parameters()).data.fill_(float("nan"))
    with pytest.raises(InvalidTensor, match="NaN"):
        hd.save(store, network, key="diverged", finite_only=True)
    assert "diverged" not in store


def test_relatives_are_who_begins_alike_and_then_who_has_the_same_outline(
    store: Store, images: torch.Tensor
) -> None:
    """The father is shallower than the child, the uncle wider than both."""
    hd.save(store, demo_network(width=16, depth=2), key="uncle", example_inputs=images, score=0.99)
    hd.save(store, nn.Flatten(), key="stranger", example_inputs=images)
    child = demo_network(width=8, depth=2)
    found = hd.relatives(store, child, example_inputs=images)
    assert [checkpoint.key for checkpoint, _ in found] == ["father", "uncle"]
    assert found[0][1].num_shared > 0
    assert found[1][1].num_shared == 0
    assert found[1][1].has_same_outline
