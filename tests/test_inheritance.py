"""Warm start from a checkpoint: what comes over, what is said of it, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import InputError, InvalidTensor, TransferRefused, UntraceableModule
from heredity.graph import Graph, Kind, Node, Ref
from heredity.store import Store, open_store
from heredity.testing.generators import demo_network, disturbed
from heredity.transfer import StoredNetwork, measure_difference, trace


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(24, 1, 8, 8)


@pytest.fixture
def store(tmp_path: Path, images: torch.Tensor) -> Store:
    """A store with a father that has been recorded on four images."""
    store = open_store(tmp_path / "store")
    hd.save(
        store, disturbed(demo_network(width=8, depth=1)), key="father", score=0.5, example_inputs=images[:4]
    )
    return store


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


def test_a_child_that_cannot_be_traced_inherits_by_name(store: Store, images: torch.Tensor) -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = demo_network(width=8, depth=1)

        def forward(self, x: torch.Tensor) -> Any:
            return self.inner(x) if x.sum() > 0 else self.inner(-x)

    inheritance = hd.inherit(Moody(), store["father"])
    assert "the child cannot be traced" in inheritance.certificate.reason
    assert inheritance.coverage == 0.0
    assert inheritance.summary()["verdict"] == "fresh"


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


def test_siblings_share_what_they_have_in_common(store: Store, images: torch.Tensor) -> None:
    child = demo_network(width=8, depth=1)
    hd.inherit(child, store["father"])
    saved = hd.save(store, child, key="child", parents=["father"], example_inputs=images[:4])
    assert saved.own_bytes == 0
    assert [ancestor.key for ancestor in store.ancestors("child")] == ["father"]


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


# --- a network run from its graph ---------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [4, 9])
def test_a_stored_network_computes_what_the_module_computes(images: torch.Tensor, batch: int) -> None:
    module = disturbed(demo_network(width=8, depth=2))
    network = StoredNetwork(trace(module, (images[:4],)), module.state_dict())
    difference = measure_difference(module, network, (images[:batch],), dtype=torch.float64)
    assert difference.in_eval == 0.0
    assert difference.in_training == 0.0


def test_running_a_stored_network_changes_no_stored_value(images: torch.Tensor) -> None:
    module = disturbed(demo_network(width=8, depth=1))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = StoredNetwork(trace(module, (images,)), module.state_dict())
    measure_difference(module, network, (images,), dtype=torch.float32)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_value_that_is_not_stored_is_named(images: torch.Tensor) -> None:
    graph = trace(demo_network(width=8, depth=1), (images,))
    with pytest.raises(UntraceableModule, match="not among the stored tensors"):
        StoredNetwork(graph, {})


@pytest.mark.parametrize(
    "target", ["aten.from_file.default", "prim.print.default", "aten.no_such_operator.default", "os.system"]
)
def test_a_graph_may_name_nothing_but_operators_that_compute(target: str) -> None:
    graph = Graph(
        nodes=(
            Node("x", Kind.INPUT, shape=(1,), dtype="float32"),
            Node("y", Kind.CALL, target, {"input": Ref("x")}, shape=(1,), dtype="float32"),
            Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("y"),)}),
        )
    )
    with pytest.raises(UntraceableModule, match="no operator that a graph may name"):
        StoredNetwork(graph, {})


def test_an_operator_that_cannot_run_is_named() -> None:
    graph = Graph(
        nodes=(
            Node("x", Kind.INPUT, shape=(2, 2), dtype="float32"),
            Node("y", Kind.CALL, "aten.view.default", {"input": Ref("x"), "size": (3,)}, shape=(3,)),
            Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("y"),)}),
        )
    )
    with pytest.raises(UntraceableModule, match=r"y: aten.view.default cannot be run from the graph"):
        StoredNetwork(graph, {})(torch.zeros(2, 2))


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
