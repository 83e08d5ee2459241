"""Measuring the difference of two networks leaves both as they were."""

from __future__ import annotations

import torch
from torch import nn

from heredity.testing.generators import disturbed
from heredity.transfer import Difference, measure_difference, outputs_of

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def test_a_network_does_not_differ_from_itself() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    assert measure_difference(module, module, (X,), dtype=torch.float64) == Difference(0.0, 0.0, 0.0, 0.0)


def test_eval_and_train_mode_are_measured_apart() -> None:
    """Other running statistics show in eval mode only."""
    module, other = (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)) for _ in range(2))
    other.load_state_dict(module.state_dict())
    disturbed(other[1])
    other[1].load_state_dict(module[1].state_dict() | {"running_mean": torch.full((4,), 2.0)})
    found = measure_difference(module, other, (X,), dtype=torch.float64)
    assert found.in_eval > 1.9
    assert found.in_training == 0
    assert "0.0e+00 in train mode" in str(found)


def test_measuring_changes_neither_buffers_nor_modes_nor_types() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    outputs_of(module, (X,), dtype=torch.float64)
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_dropout_is_left_out_however_it_is_called() -> None:
    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = nn.Dropout(0.5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.dropout(nn.functional.dropout2d(input=self.dropout(x)), 0.5, train=self.training)

    theirs = outputs_of(nn.Identity(), (X,), dtype=torch.float64)
    found = measure_difference(theirs, Dropping(), {"x": X}, dtype=torch.float64)
    assert found.in_training == 0


def test_the_dropout_of_attention_and_of_recurrent_layers_is_left_out_too() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
            self.recurrent = nn.LSTM(4, 4, num_layers=2, dropout=0.5, batch_first=True)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            attended, _ = self.attention(x, x, x, need_weights=False)
            plain = nn.functional.scaled_dot_product_attention(x, x, x, None, 0.5)
            return attended, plain, self.recurrent(x)[0]

    found = outputs_of(Attending(), (torch.randn(2, 5, 4),), dtype=torch.float64)
    assert all(torch.allclose(a, b) for a, b in zip(found.in_eval, found.in_training, strict=True))


def test_outputs_of_other_shapes_are_infinitely_far() -> None:
    found = measure_difference(nn.Linear(3, 4), nn.Linear(3, 5), (X,), dtype=torch.float64)
    assert found.in_eval == float("inf")


def test_whole_numbers_among_the_inputs_stay_whole() -> None:
    module = nn.Embedding(5, 2)
    (found,) = outputs_of(module, (torch.zeros(3, dtype=torch.int64),), dtype=torch.float64).in_eval
    assert found.dtype == torch.float64


def test_a_parent_that_is_zero_or_empty_is_measured_absolutely() -> None:
    zero, one = nn.Linear(3, 1), nn.Linear(3, 1)
    for module, value in ((zero, 0.0), (one, 1.0)):
        nn.init.zeros_(module.weight)
        nn.init.constant_(module.bias, value)
    assert measure_difference(zero, one, (X,), dtype=torch.float64).in_eval_relative == 1.0
    assert measure_difference(zero, one, (X[:0],), dtype=torch.float64).in_eval == 0.0
