"""What a network inherits from a smaller or a larger one, and what the certificate says of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heredity.graph import Graph
from heredity.testing.generators import demo_network, disturbed
from heredity.transfer import (
    How,
    TransferPlan,
    Verdict,
    apply,
    example_inputs_like,
    measure_difference,
    plan_transfer,
    trace,
)

torch.set_num_threads(1)

INPUTS = (torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)),)


def network(*, width: int = 16, depth: int = 2, is_strided: bool = False) -> nn.Module:
    return disturbed(demo_network(width=width, depth=depth, is_strided=is_strided))


def learn(module: nn.Module) -> None:
    loss = nn.functional.cross_entropy(module(torch.randn(16, 1, 8, 8)), torch.randint(10, (16,)))
    torch.autograd.backward(loss)


def inherited(parent: nn.Module, child: nn.Module) -> TransferPlan:
    graph = trace(parent, INPUTS)
    plan = plan_transfer(graph, trace(child, example_inputs_like(graph)))
    apply(plan, parent.state_dict(), child)
    return plan


@pytest.mark.parametrize("is_strided", [False, True])
@pytest.mark.parametrize(("width", "depth"), [(16, 2), (24, 2), (16, 3), (24, 3)])
def test_the_demo_network_grows_exactly(width: int, depth: int, is_strided: bool) -> None:
    torch.manual_seed(width + depth)
    father = network(is_strided=is_strided)
    child = network(width=width, depth=depth, is_strided=is_strided)
    certificate = inherited(father, child).certificate
    assert (certificate.is_exact, certificate.is_exact_in_training) == (True, True), certificate
    assert max(_relative(father, child, torch.float64)) < 1e-9
    assert max(_relative(father, child, torch.float32)) < 1e-5


def test_the_same_network_inherits_everything_whatever_its_modules_are_called() -> None:
    class Renamed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.body(x)
            return result

    father, child = network(), Renamed()
    certificate = inherited(father, child).certificate
    assert certificate.is_exact_in_training
    assert certificate.coverage == 1.0
    assert all(
        torch.equal(a, b)
        for a, b in zip(father.state_dict().values(), child.state_dict().values(), strict=True)
    )


def test_no_new_unit_is_dead() -> None:
    """A step for the zero columns, one for the zero branch, one for what lies behind both; then all learn."""
    torch.manual_seed(0)
    father, child = network(width=4, depth=1), network(width=6, depth=2)
    plan = inherited(father, child)
    optimizer = torch.optim.SGD(child.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        learn(child)
        optimizer.step()
    for name, parameter in child.named_parameters():
        assert parameter.grad is not None
        by_unit = parameter.grad.abs().flatten(1).sum(1) if parameter.dim() > 1 else parameter.grad.abs()
        assert (by_unit > 0).all(), (name, str(plan.by_tensor[name]))


def test_a_new_unit_gets_a_gradient_in_its_zero_columns_in_the_first_step() -> None:
    torch.manual_seed(0)
    father, child = network(width=4, depth=1), network(width=6, depth=1)
    inherited(father, child)
    learn(child)
    head = child.get_parameter("7.weight")
    assert (head[:, 4:] == 0).all()
    assert head.grad is not None
    assert (head.grad[:, 4:] != 0).all()


def test_a_narrower_child_is_approximate_and_the_reason_is_named() -> None:
    certificate = inherited(network(width=6), network(width=4)).certificate
    assert not certificate.is_exact
    assert "2 of 6 entries" in certificate.reason
    assert certificate.tensors["0.weight"].verdict is Verdict.APPROXIMATE
    assert certificate.counts[Verdict.FRESH] == 0


def test_a_shallower_child_is_approximate_and_keeps_what_it_can() -> None:
    certificate = inherited(network(width=4, depth=2), network(width=4, depth=1)).certificate
    assert not certificate.is_exact
    assert "but the parent reads" in certificate.reason
    assert certificate.coverage == 1.0


def test_more_classes_are_not_exact_and_the_certificate_says_which_are() -> None:
    father = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4))
    child = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 6))
    x = (torch.randn(2, 3),)
    plan = plan_transfer(trace(father, x), trace(child, x))
    apply(plan, father.state_dict(), child)
    assert plan.certificate.reason == "output 0: of 6 along axis 1, entries 0-3 are the parent's"
    assert torch.equal(child(*x)[:, :4], father(*x))


class _Airy(nn.Module):
    """A function that no rule knows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.special.airy_ai(x)
        return result


def test_an_operator_without_a_rule_is_refused_by_name_when_a_width_changes() -> None:
    """The name is that of the first one, though others without a rule follow."""

    def make(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(3, width), _Airy(), nn.Linear(width, 2), nn.LayerNorm(2))

    plan = _plan(make, 4, 6)
    assert (
        plan.certificate.reason == "output 0: aten.special_airy_ai.default has no rule (at special_airy_ai.0)"
    )
    assert plan.certificate.tensors["2.weight"].verdict is Verdict.APPROXIMATE


def test_an_operator_without_a_rule_is_exact_where_nothing_about_it_changes() -> None:
    """What comes before it is copied whole, and what follows may grow."""

    def make(width: int) -> nn.Module:
        return nn.Sequential(
            nn.Embedding(9, 4),
            nn.LayerNorm(4),
            _Airy(),
            nn.Linear(4, width),
            nn.ReLU(),
            nn.Linear(width, 2),
        )

    plan = _plan(make, 5, 8, x=torch.zeros(2, 3, dtype=torch.int64))
    assert plan.certificate.is_exact_in_training, str(plan)
    assert plan.by_tensor["0.weight"].how is How.COPY


def _convolution(kernel: int) -> nn.Module:
    return nn.Conv2d(1, 4, kernel, padding=kernel // 2)


def test_a_kernel_grows_by_zeros_around_it() -> None:
    plan = _plan(_convolution, 3, 5, x=torch.zeros(1, 1, 8, 8))
    assert plan.certificate.is_exact_in_training
    assert str(plan.by_tensor["weight"]) == "gather [:] [:] [3 of 3, 2 zero] [3 of 3, 2 zero]"


def test_a_kernel_that_shrinks_keeps_its_centre_and_is_not_proven() -> None:
    plan = _plan(_convolution, 5, 3, x=torch.zeros(1, 1, 8, 8))
    assert "the kernel is (3, 3), in the parent (5, 5)" in plan.certificate.reason
    assert plan.by_tensor["weight"].axes[2].sources == (1, 2, 3)


def test_a_kernel_that_grows_without_its_padding_is_not_proven() -> None:
    plan = _plan(lambda kernel: nn.Conv2d(1, 4, kernel), 3, 5, x=torch.zeros(1, 1, 8, 8))
    assert "the kernel grows to (5, 5), and the padding does not with it" in plan.certificate.reason


def test_a_new_bias_is_zero_and_a_lost_one_is_not_proven() -> None:
    gained = _plan(lambda bias: nn.Linear(3, 4, bias=bool(bias)), 0, 1)
    lost = _plan(lambda bias: nn.Linear(3, 4, bias=bool(bias)), 1, 0)
    assert gained.certificate.is_exact
    assert str(gained.by_tensor["bias"]) == "all 0"
    assert "the parent has a bias here" in lost.certificate.reason


def test_another_epsilon_is_not_proven() -> None:
    plan = _plan(lambda power: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, eps=10.0**-power)), 5, 3)
    assert "eps is 0.001, in the parent 1e-05" in plan.certificate.reason


def test_another_shape_of_inputs_is_named() -> None:
    father, child = nn.Linear(3, 4), nn.Linear(3, 4)
    plan = plan_transfer(trace(father, (torch.zeros(2, 6, 3),)), trace(child, (torch.zeros(2, 5, 3),)))
    assert "5, 3) float32, in the parent (" in plan.certificate.reason


def test_another_size_of_the_batch_changes_nothing() -> None:
    father, child = nn.Linear(3, 4), nn.Linear(3, 4)
    plan = plan_transfer(trace(father, (torch.zeros(2, 3),)), trace(child, (torch.zeros(5, 3),)))
    assert plan.certificate.is_exact


def test_a_network_with_other_operators_in_train_mode_is_exact_in_eval_mode_only() -> None:
    class Augmented(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.body(x * 2 if self.training else x)
            return result

    certificate = _plan(Augmented, 4, 6).certificate
    assert (certificate.is_exact, certificate.is_exact_in_training) == (True, False)
    assert "train mode" in certificate.training_reason


def test_tied_tensors_are_solved_once_and_have_to_agree() -> None:
    """A weight used twice is exact while nothing changes; two different needs are named, not guessed."""

    class Tied(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
            self.second.weight = self.first.weight
            self.rim, self.end = nn.Linear(3, width), nn.Linear(width, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.end(self.second(self.first(self.rim(x))))
            return result

    same, wider = _plan(Tied, 4, 4), _plan(Tied, 4, 6)
    assert same.certificate.is_exact
    assert "second.weight" not in same.by_tensor
    assert wider.certificate.is_exact  # both uses need the same rows and columns
    assert wider.by_tensor["first.weight"].num_from_parent == 16


def test_another_number_of_outputs_is_named() -> None:
    class Several(nn.Module):
        def __init__(self, count: int) -> None:
            super().__init__()
            self.ends = nn.ModuleList([nn.Linear(3, 2) for _ in range(count)])

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [end(x) for end in self.ends]

    assert _plan(Several, 1, 2).certificate.reason == "2 outputs, in the parent 1"


def test_outputs_under_other_keys_are_other_outputs() -> None:
    class Keyed(nn.Module):
        def __init__(self, is_swapped: int) -> None:
            super().__init__()
            self.ends = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 2)])
            self.keys = ("b", "a") if is_swapped else ("a", "b")

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {key: end(x) for key, end in zip(self.keys, self.ends, strict=True)}

    assert _plan(Keyed, 0, 0).certificate.is_exact
    assert "other keys" in _plan(Keyed, 0, 1).certificate.reason


def test_one_tensor_in_two_places_of_one_operator_has_to_agree() -> None:
    """As factor and as shift of a batch normalization, which the parent has apart."""
    father, child = (
        nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)),
        nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)),
    )
    child[1].bias = child[1].weight
    graphs = [trace(module, (torch.zeros(2, 3),)) for module in (father, child)]
    plan = plan_transfer(*graphs)
    assert "the tied tensor 1.weight would need two values" in plan.certificate.reason


def test_a_tensor_that_is_read_as_data_is_solved_as_well() -> None:
    class Shifted(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.rim, self.end = nn.Linear(3, width), nn.Linear(width, 2)
            self.shift = nn.Parameter(torch.randn(2, width))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.end(torch.relu(self.rim(x) + self.shift))
            return result

    father, child = Shifted(4), Shifted(6)
    x = (torch.randn(2, 3),)
    plan = plan_transfer(trace(father, x), trace(child, x))
    apply(plan, father.state_dict(), child)
    assert plan.certificate.is_exact
    assert measure_difference(father, child, x, dtype=torch.float64).in_eval_relative < 1e-9


def test_dropout_may_be_added_and_removed() -> None:
    plan = _plan(lambda p: nn.Sequential(nn.Linear(3, 4), *[nn.Dropout(0.1)] * p, nn.Linear(4, 2)), 0, 1)
    assert plan.certificate.is_exact
    assert plan.certificate.coverage == 1.0


def test_dropout_that_is_always_on_is_never_proven() -> None:
    class Noisy(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.end = nn.Linear(3, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.end(nn.functional.dropout(x, 0.5, training=True))
            return result

    assert "aten.dropout.default has no rule" in _plan(Noisy, 4, 4).certificate.reason


def _plan(make: object, before: int, after: int, *, x: torch.Tensor | None = None) -> TransferPlan:
    assert callable(make)
    inputs = (torch.zeros(2, 3) if x is None else x,)
    graphs: list[Graph] = [trace(make(size), inputs) for size in (before, after)]
    return plan_transfer(*graphs)


def _relative(father: nn.Module, child: nn.Module, dtype: torch.dtype) -> tuple[float, float]:
    found = measure_difference(father, child, INPUTS, dtype=dtype)
    return found.in_eval_relative, found.in_training_relative
