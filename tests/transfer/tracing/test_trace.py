"""What tracing records, what it refuses, and that it leaves no trace in the module."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from heredity.errors import UntraceableModule
from heredity.graph import Kind
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


def write_into_a_buffer(self: Computes, x: torch.Tensor) -> torch.Tensor:
    self.counter.add_(1)
    return self.linear(x) + self.counter


def write_without_a_twin(self: Computes, x: torch.Tensor) -> torch.Tensor:
    return self.linear(torch.add(x, 1, out=torch.empty_like(x)))


def depend_on_the_data(self: Computes, x: torch.Tensor) -> torch.Tensor:
    return self.linear(x if x.sum() > 0 else -x)


def return_no_tensor(self: Computes, x: torch.Tensor) -> int:
    return x.shape[0]


def write_through_an_expansion(self: Computes, x: torch.Tensor) -> torch.Tensor:
    h = self.linear(x)[:1]
    h.expand(1, 4).relu_()
    return h


def switch_mixed_precision_on(self: Computes, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return self.linear(x)


def branch_in_the_graph(self: Computes, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))
    return self.linear(result)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (write_into_a_buffer, "writes into counter"),
        (write_through_an_expansion, "writes through aten.expand"),
        (write_without_a_twin, "no functional twin"),
        (depend_on_the_data, "torch.export refuses it"),
        (return_no_tensor, "returns no tensor"),
        (switch_mixed_precision_on, "mixed precision"),
        (branch_in_the_graph, "cond"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_the_reason(
    function: Callable[..., object], message: str
) -> None:
    with pytest.raises(UntraceableModule, match=message):
        trace(Computes(function), (X,))


def test_a_region_without_gradients_is_recorded_as_what_is_in_it() -> None:
    def function(self: Computes, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            a, b = self.linear(x).chunk(2, 1)
        return a + b

    graph = trace(Computes(function), (X,))
    assert [node.target for node in graph.calls] == [
        "aten.linear.default",
        "aten.chunk.default",
        "getitem",
        "getitem",
        "aten.add.Tensor",
    ]


def test_copies_and_casts_that_change_nothing_are_left_out() -> None:
    def function(self: Computes, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.clone().detach().to(torch.float32).t().contiguous().t())

    targets = [node.target for node in trace(Computes(function), (X,)).calls]
    assert targets == ["aten.t.default", "aten.t.default", "aten.linear.default"]


def test_a_cast_to_another_type_is_recorded() -> None:
    graph = trace(Computes(lambda self, x: self.linear(x).to(torch.float64)), (X,))
    assert [node.target for node in graph.calls] == ["aten.linear.default", "aten.to.dtype"]


def test_what_nobody_reads_is_left_out_unless_it_reads_a_tensor() -> None:
    @dataclass
    class Pooled:
        hidden: torch.Tensor
        pooled: torch.Tensor

    def function(self: Computes, x: torch.Tensor) -> Pooled:
        return Pooled(x + 1, torch.relu(self.linear(x)))

    graph = trace(Computes(function), (X,))
    assert [node.target for node in graph.calls] == ["aten.add.Tensor", "aten.linear.default"]
    assert graph.outputs == ("add.0",)


def test_the_caches_of_language_models_are_off_while_they_are_traced() -> None:
    class Config:
        use_cache = True

    def function(self: Computes, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if config.use_cache else self.linear(x)

    config = Config()
    module = Computes(function)
    module.config = config  # type: ignore[assignment]  # as those of Hugging Face have it
    assert [node.target for node in trace(module, (X,)).calls] == ["aten.linear.default"]
    assert config.use_cache


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
