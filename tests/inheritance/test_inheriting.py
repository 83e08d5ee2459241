"""Warm start from a checkpoint: what comes over, what is said of it, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import InputError, TransferRefused, UntraceableModule
from heredity.store import Store, open_store
from heredity.testing.generators import demo_network
from heredity.transfer import StoredNetwork


@pytest.mark.parametrize(("width", "depth"), [(8, 1), (12, 1), (8, 2), (12, 3)])
def test_children_of_other_architectures_start_as_their_father(
    store: Store, images: torch.Tensor, width: int, depth: int
) -> None:
    child = demo_network(width=width, depth=depth)
    inheritance = hd.inherit(child, store["father"], example_inputs=images, policy="exact")
    assert inheritance.is_exact
    assert inheritance.certificate.is_exact_in_training
    assert inheritance.difference is not None
    assert inheritance.difference.in_eval < 1e-5
    exact = inheritance.verify(images, dtype=torch.float64)
    assert exact.in_eval_relative < 1e-9
    assert exact.in_training_relative < 1e-9


def test_no_inputs_are_needed_to_inherit(store: Store, images: torch.Tensor) -> None:
    child = demo_network(width=12, depth=2)
    inheritance = hd.inherit(child, store["father"])
    assert inheritance.is_exact
    assert inheritance.difference is None
    assert inheritance.verify(images[:5]).in_eval < 1e-5


def test_the_child_keeps_its_mode_and_its_memory(store: Store) -> None:
    child = demo_network(width=12, depth=1).train()
    frozen = child.get_submodule("1").eval()
    pointers = [parameter.data_ptr() for parameter in child.parameters()]
    hd.inherit(child, store["father"])
    assert child.training
    assert not frozen.training
    assert [parameter.data_ptr() for parameter in child.parameters()] == pointers


def test_a_smaller_child_is_labelled_and_refused_by_the_exact_policy(
    store: Store, images: torch.Tensor
) -> None:
    child = demo_network(width=6, depth=1)
    before = [parameter.clone() for parameter in child.parameters()]
    with pytest.raises(TransferRefused, match="entries of the parent's axis are left out"):
        hd.inherit(child, store["father"], policy="exact")
    assert all(torch.equal(a, b) for a, b in zip(before, child.parameters(), strict=True))
    inheritance = hd.inherit(child, store["father"], example_inputs=images)
    assert inheritance.summary()["verdict"] == "approximate"
    assert inheritance.summary()["num_exact"] == 0


def test_the_summary_counts_every_parameter(store: Store, images: torch.Tensor) -> None:
    child = demo_network(width=12, depth=1)
    summary: dict[str, Any] = hd.inherit(child, store["father"], example_inputs=images).summary()
    total = sum(parameter.numel() for parameter in child.parameters())
    assert summary["num_exact"] + summary["num_approximate"] + summary["num_new"] == total
    assert summary["coverage"] == pytest.approx(summary["num_exact"] / total)
    assert summary["parent"] == "father"


def test_it_prints_as_a_table_with_the_measurement(store: Store, images: torch.Tensor) -> None:
    text = str(hd.inherit(demo_network(width=12, depth=1), store["father"], example_inputs=images))
    for part in (
        "inherited from father",
        "verdict",
        "exact, in eval mode and, dropout aside, in train mode",
        "measured: max",
    ):
        assert part in text


def test_without_the_parents_graph_only_names_and_shapes_count(store: Store, images: torch.Tensor) -> None:
    plain = hd.save(store, demo_network(width=8, depth=1), key="plain")
    inheritance = hd.inherit(demo_network(width=8, depth=1), plain, example_inputs=images)
    assert inheritance.coverage == 1.0
    assert not inheritance.is_exact
    assert "plain was saved without its graph" in inheritance.certificate.reason
    with pytest.raises(UntraceableModule, match="cannot be run"):
        inheritance.verify(images)


def test_a_child_that_cannot_be_traced_inherits_layer_by_layer(store: Store, images: torch.Tensor) -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = demo_network(width=8, depth=1)

        def forward(self, x: torch.Tensor) -> Any:
            return self.inner(x) if x.sum() > 0 else self.inner(-x)

    inheritance = hd.inherit(Moody(), store["father"])
    assert "the child cannot be traced" in inheritance.certificate.reason
    assert inheritance.coverage == 1.0
    assert inheritance.summary()["verdict"] == "approximate"


def test_without_a_graph_other_names_are_matched_by_their_order(store: Store) -> None:
    """With layer 10 behind layer 2, and the first entries of what is larger."""
    layers = [nn.Linear(4, 4) for _ in range(12)]
    plain = hd.save(store, nn.Sequential(*layers), key="plain")
    child = nn.ModuleDict({"body": nn.Sequential(*(nn.Linear(4, 4) for _ in range(11)), nn.Linear(4, 6))})
    inheritance = hd.inherit(child, plain)
    assert torch.equal(child.get_parameter("body.10.weight"), layers[10].weight)
    assert torch.equal(child.get_parameter("body.11.weight")[:4], layers[11].weight)
    assert inheritance.certificate.reason.endswith("plain was saved without its graph")
    assert not inheritance.is_exact


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.LSTM(5, 8, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.out(self.cells(x)[0][:, -1])


def test_operators_with_dtypes_are_measured_too(tmp_path: Path) -> None:
    x = torch.randn(4, 6, 5)
    father = hd.save(open_store(tmp_path / "store"), Recurrent(), key="father", example_inputs=x)
    inheritance = hd.inherit(Recurrent(), father, example_inputs=x)
    assert inheritance.is_exact
    assert inheritance.difference is not None
    assert inheritance.difference.in_eval < 1e-5


def test_a_measurement_that_cannot_be_made_undoes_nothing(
    store: Store, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, *_: object, **__: object) -> None:
        raise UntraceableModule("no such luck")

    monkeypatch.setattr(StoredNetwork, "forward", refuse)
    inheritance = hd.inherit(demo_network(width=12, depth=1), store["father"], example_inputs=images)
    assert inheritance.is_exact
    assert inheritance.difference is None
    assert "not measured: no such luck" in str(inheritance)


def test_a_measurement_that_belies_the_proof_is_reported_as_a_bug(
    store: Store, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredNetwork, "forward", lambda _, x: torch.ones(len(x), 10, dtype=x.dtype))
    with pytest.warns(UserWarning, match=r"father: proven to be exact, but measured .* please report it"):
        hd.inherit(demo_network(width=12, depth=1), store["father"], example_inputs=images)


@pytest.mark.parametrize("policy", ["exakt", "Exact", "any", ""])
def test_a_policy_that_is_none_is_refused(store: Store, policy: Any) -> None:
    with pytest.raises(InputError, match="policy: expected one of best_effort, exact"):
        hd.inherit(demo_network(width=8, depth=1), store["father"], policy=policy)


def test_what_is_no_checkpoint_or_module_is_refused_with_advice(store: Store) -> None:
    anything: Any = "father"
    for refused in (
        lambda: hd.inherit(demo_network(width=8, depth=1), anything),
        lambda: hd.load(demo_network(width=8, depth=1), anything),
        lambda: hd.save(store, demo_network(width=8, depth=1).state_dict(), key="a"),  # type: ignore[arg-type]
        lambda: store.put(5, {}),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match="expected a"):
            refused()


def test_verify_takes_what_inherit_takes(store: Store, images: torch.Tensor) -> None:
    inheritance = hd.inherit(demo_network(width=12, depth=1), store["father"])
    assert inheritance.verify((images,)) == inheritance.verify(images)


def test_keyword_inputs_are_traced_and_compared(tmp_path: Path) -> None:
    class Named(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, width), nn.Linear(width, 2)

        def forward(self, *, features: torch.Tensor) -> Any:
            return self.b(torch.relu(self.a(features)))

    store = open_store(tmp_path / "store")
    inputs = {"features": torch.randn(6, 4)}
    father = hd.save(store, Named(3), key="father", example_inputs=inputs)
    inheritance = hd.inherit(Named(5), father, example_inputs=inputs)
    assert inheritance.is_exact
    assert inheritance.verify(features=torch.randn(9, 4)).in_eval < 1e-5


def test_outputs_of_another_shape_have_no_difference_to_record(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    x = torch.randn(4, 3)
    father = hd.save(store, nn.Sequential(nn.Linear(3, 2)), key="father", example_inputs=x)
    summary = hd.inherit(nn.Sequential(nn.Linear(3, 5)), father, example_inputs=x).summary()
    assert summary["verdict"] == "approximate"
    assert summary["max_difference"] is None
