"""A linear layer whose features are chosen: the first of those that it reads, and of those that it gives.

OI: a weight's axes: features out, features in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from heredity.oneshot.choosing import ChoicePoint, Choosing, Copy
from heredity.oneshot.elastic.parts import part_of
from heredity.oneshot.elastic.sizes import Size, current, fixed, largest, points_of

if TYPE_CHECKING:
    from heredity.oneshot.origins import Origins


class ElasticLinear(Choosing):
    """A linear layer of the sizes that are selected; fewer features are the first ones.

    Args:
        in_features: How many features it reads. After channels were flattened with their places, it is the
            channels' size times the number of places.
        out_features: How many it gives.
        bias: As torch's.
    """

    def __init__(self, in_features: Size, out_features: Size, *, bias: bool = True) -> None:
        super().__init__()
        self._in_features, self._out_features = in_features, out_features
        made = torch.nn.Linear(largest(in_features), largest(out_features), bias=bias)
        self.weight = made.weight  # OI
        self.bias: torch.nn.Parameter | None = made.bias

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Multiply by what is selected."""
        num_out, num_in = current(self._out_features), current(self._in_features)
        weight = part_of(self.weight, (num_out, num_in))
        if value.numel() == num_in:
            # BLAS takes another way for one row, on which rounding hangs on the weight's strides.
            weight = weight.contiguous()
        return functional.linear(value, weight, None if self.bias is None else part_of(self.bias, (num_out,)))

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`."""
        return points_of(self._in_features, self._out_features)

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no modules inside
        """See `Choosing.fixed`: torch's own layer."""
        num_in, num_out = fixed(self._in_features, selection), fixed(self._out_features, selection)
        plain = torch.nn.Linear(num_in, num_out, bias=self.bias is not None, device="meta")
        plain.weight = origins.parameter(self.weight, (slice(num_out), slice(num_in)))
        if self.bias is not None:
            plain.bias = origins.parameter(self.bias, (slice(num_out),))
        return plain.train(self.training)

    def extra_repr(self) -> str:
        """What torch prints of the layer."""
        return f"{self._in_features}, {self._out_features}"
