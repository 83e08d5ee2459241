"""What tracing records, what it refuses, and that it leaves no trace in the module."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from heredity.errors import UntraceableModule
from heredity.graph import Kind, fingerprint
from heredity.testing.generators import demo_network, disturbed
from heredity.transfer import example_inputs_like, trace

X = torch.randn(2, 4)


class Computes(nn.Module):
    """A module that computes whatever a function says."""

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.counter: torch.Tensor
        self.register_buffer("counter", torch.zeros(()))
        self.function = function

    def linear(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(x)
        return result

    def forward(self, *args: torch.Tensor, **kwargs: torch.Tensor) -> object:
        return self.function(self, *args, **kwargs)


def test_tracing_changes_nothing_of_the_module() -> None:
    module = disturbed(demo_network(width=4, depth=1))
    module.get_submodule("1").eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    modes = [submodule.training for submodule in module.modules()]
    trace(module, (torch.randn(2, 1, 8, 8),))
    assert [submodule.training for submodule in module.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_arguments_have_names_and_defaults_are_filled_in() -> None:
    graph = trace(demo_network(width=4, depth=1), (torch.randn(2, 1, 8, 8),))
    conv = graph["conv2d.0"]
    assert conv.arguments["stride"] == (1, 1)
    assert conv.arguments["groups"] == 1
    assert graph.is_alike_in_training


def test_an_in_place_operator_is_recorded_as_its_functional_twin() -> None:
    modules = [nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=is_in_place)) for is_in_place in (False, True)]
    plain, in_place = (trace(module, (X,)) for module in modules)
    assert fingerprint(plain) == fingerprint(in_place)


def test_what_is_read_after_a_write_is_what_was_written() -> None:
    def function(self: Computes, x: torch.Tensor) -> torch.Tensor:
        h = self.linear(x)
        torch.relu_(h)
        return h + 1

    graph = trace(Computes(function), (X,))
    assert [node.target for node in graph.calls] == [
        "aten.linear.default",
        "aten.relu.default",
        "aten.add.Tensor",
    ]
    assert "relu.0" in list(graph["add.0"].refs())


def write_behind_a_view(self: Computes, x: torch.Tensor) -> torch.Tensor:
    h = self.linear(x)
    view = h.view(4, 2)
    torch.relu_(view)
    return h + 1


def write_into_a_piece(self: Computes, x: torch.Tensor) -> torch.Tensor:
    h = x + 1
    h.chunk(2, 1)[0].relu_()
    return self.linear(h)


def write_behind_dropout(self: Computes, x: torch.Tensor) -> torch.Tensor:
    h = self.linear(x)
    torch.relu_(nn.functional.dropout(h, 0.5, training=self.training))
    return h + 1


def write_into_a_buffer(self: Computes, x: torch.Tensor) -> torch.Tensor:
    self.counter.add_(1)
    return self.linear(x) + self.counter


def write_into_the_input(self: Computes, x: torch.Tensor) -> torch.Tensor:
    return self.linear(x.mul_(2))


def write_without_a_twin(self: Computes, x: torch.Tensor) -> torch.Tensor:
    return self.linear(torch.add(x, 1, out=torch.empty_like(x)))


def depend_on_the_data(self: Computes, x: torch.Tensor) -> torch.Tensor:
    return self.linear(x if x.sum() > 0 else -x)


def return_no_tensor(self: Computes, x: torch.Tensor) -> int:
    return x.shape[0]


def switch_gradients_off(self: Computes, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        h = self.linear(x)
    return h + 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (write_behind_a_view, "by another name"),
        (write_into_a_piece, "by another name"),
        (write_behind_dropout, "by another name"),
        (write_into_a_buffer, "not the graph's own"),
        (write_into_the_input, "not the graph's own"),
        (write_without_a_twin, "no functional twin"),
        (depend_on_the_data, "torch.export refuses it"),
        (return_no_tensor, "returns no tensor"),
        (switch_gradients_off, "no form as data"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_the_reason(
    function: Callable[..., object], message: str
) -> None:
    with pytest.raises(UntraceableModule, match=message):
        trace(Computes(function), (X,))


def test_the_first_tensor_of_an_object_is_the_output() -> None:
    @dataclass
    class Answer(OrderedDict[str, torch.Tensor]):
        logits: torch.Tensor
        hidden: torch.Tensor

    torch.export.register_dataclass(Answer, serialized_type_name="heredity.tests.Answer")
    graph = trace(Computes(lambda self, x: Answer(self.linear(x), x)), (X,))
    assert graph.outputs == ("linear.0",)


def test_all_tensors_of_a_plain_container_are_outputs() -> None:
    graph = trace(Computes(lambda self, x: {"a": self.linear(x), "b": [x, x + 1]}), (X,))
    assert graph.outputs == ("linear.0", "args_0", "add.0")
    assert graph.nodes[-1].arguments["keys"] == ("a", "b")


def test_results_that_are_several_tensors_are_taken_apart() -> None:
    graph = trace(Computes(lambda self, x: self.linear(x).chunk(2, 1)[1]), (X,))
    assert graph["chunk.0"].shape is None
    assert graph.outputs == ("getitem.1",)


def test_constants_are_known_by_their_values() -> None:
    def digest(value: float) -> str:
        table = torch.full((4,), value)
        graph = trace(Computes(lambda self, x: self.linear(x) + table), (X,))
        return graph.of_kind(Kind.CONSTANT)[0].value_digest

    assert digest(1.0) == digest(1.0) != digest(2.0)
    assert digest(1.0).startswith("sha256:")


def test_example_inputs_are_made_from_a_graph() -> None:
    graph = trace(nn.Embedding(5, 3), (torch.zeros(2, 4, dtype=torch.int64),))
    (made,) = example_inputs_like(graph)
    assert isinstance(made, torch.Tensor)
    assert (made.shape, made.dtype) == ((2, 4), torch.int64)


def test_example_inputs_by_keyword_are_made_by_keyword() -> None:
    class Keyworded(nn.Module):
        def forward(self, x: torch.Tensor, *, y: torch.Tensor) -> torch.Tensor:
            return x + y

    made = example_inputs_like(trace(Keyworded(), {"y": X, "x": X}))
    assert isinstance(made, dict)
    assert sorted(made) == ["x", "y"]


def test_a_flag_among_the_inputs_is_fixed_in_the_graph() -> None:
    class Flagged(nn.Module):
        def forward(self, x: torch.Tensor, flag: bool) -> torch.Tensor:  # what is tested
            return torch.relu(x) if flag else x

    assert [spec.name for spec in trace(Flagged(), (X, True)).inputs] == ["x"]


def test_a_frozen_batch_normalization_is_not_alike_in_training() -> None:
    class Frozen(nn.BatchNorm1d):
        def train(self, mode: bool = True) -> Frozen:  # torch's signature
            return super().train(mode=mode and False)

    assert not trace(nn.Sequential(nn.Linear(4, 4), Frozen(4)), (X,)).is_alike_in_training


def test_instance_normalization_is_alike_in_training() -> None:
    assert trace(nn.InstanceNorm1d(4), (torch.randn(2, 4, 5),)).is_alike_in_training


def test_a_module_that_cannot_be_traced_in_train_mode_is_not_alike() -> None:
    def function(self: Computes, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            raise ValueError("only for eval mode")
        return self.linear(x)

    assert not trace(Computes(function), (X,)).is_alike_in_training
