"""Normalizations whose number of features is chosen: the first so many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from heredity.oneshot.choosing import ChoicePoint, Choosing, Copy
from heredity.oneshot.elastic.parts import part_of
from heredity.oneshot.elastic.sizes import Size, current, fixed, largest, points_of

if TYPE_CHECKING:
    from heredity.oneshot.origins import Origins


class _ElasticBatchNorm(Choosing, _BatchNorm):
    """What the batch normalizations of all dimensions have in common.

    It is one of torch's, so that `recalibrate` and whoever else asks finds its statistics.
    """

    plain: ClassVar[type[torch.nn.BatchNorm1d | torch.nn.BatchNorm2d]]
    num_axes: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        num_features: Size,
        *,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__(
            largest(num_features),
            eps=eps,
            momentum=momentum,
            affine=affine,
            track_running_stats=track_running_stats,
        )
        self._size = num_features

    def _check_input_dim(self, value: torch.Tensor) -> None:
        if value.dim() not in self.num_axes:
            raise ValueError(f"expected a value of {self.num_axes} axes, got {list(value.shape)}")

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Normalize the features that are selected; only their statistics are counted on."""
        self._check_input_dim(value)
        num, is_tracking = current(self._size), self.track_running_stats
        mean, variance = (self.running_mean, self.running_var) if is_tracking else (None, None)
        return functional.batch_norm(
            value,
            None if mean is None else part_of(mean, (num,)),
            None if variance is None else part_of(variance, (num,)),
            part_of(self.weight, (num,)) if self.affine else None,
            part_of(self.bias, (num,)) if self.affine else None,
            self.training or not is_tracking,
            self._counted(),
            self.eps,
        )

    def _counted(self) -> float:
        """Count the batch; give the weight that it has among all, as torch's layer does."""
        if not self.training or not self.track_running_stats or (count := self.num_batches_tracked) is None:
            return self.momentum or 0.0
        count.add_(1)
        return 1.0 / float(count) if self.momentum is None else self.momentum

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`."""
        return points_of(self._size)

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no modules inside
        """See `Choosing.fixed`: torch's own layer."""
        num = fixed(self._size, selection)
        plain = self.plain(
            num,
            eps=self.eps,
            momentum=self.momentum,
            affine=self.affine,
            track_running_stats=self.track_running_stats,
            device="meta",
        )
        if self.affine:
            plain.weight = origins.parameter(self.weight, (slice(num),))
            plain.bias = origins.parameter(self.bias, (slice(num),))
        if self.running_mean is not None and self.running_var is not None:
            plain.running_mean = origins.buffer(self.running_mean, (slice(num),))
            plain.running_var = origins.buffer(self.running_var, (slice(num),))
        if self.num_batches_tracked is not None:
            plain.num_batches_tracked = origins.buffer(self.num_batches_tracked, ())
        return plain.train(self.training)


class ElasticBatchNorm1d(_ElasticBatchNorm):
    """Batch normalization over values of two or three axes; see `ElasticBatchNorm2d`."""

    plain = torch.nn.BatchNorm1d
    num_axes = (2, 3)


class ElasticBatchNorm2d(_ElasticBatchNorm):
    """Batch normalization of the first features (Yu et al. 2019, slimmable networks).

    All widths share factors and running statistics. The statistics are of whatever ran: before a sub-network
    is judged they are taken anew, see `recalibrate`.

    Args:
        num_features: How many features there are.
        eps: As torch's.
        momentum: As torch's.
        affine: As torch's.
        track_running_stats: As torch's.
    """

    plain = torch.nn.BatchNorm2d
    num_axes = (4,)


class ElasticLayerNorm(Choosing):
    """Normalization over the last axis, of which the first features are selected.

    Args:
        num_features: How long that axis is.
        eps: As torch's.
    """

    def __init__(self, num_features: Size, *, eps: float = 1e-5) -> None:
        super().__init__()
        self._size, self._eps = num_features, eps
        made = torch.nn.LayerNorm(largest(num_features), eps=eps)
        self.weight, self.bias = made.weight, made.bias

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Normalize the features that are selected."""
        num = current(self._size)
        weight, bias = (part_of(each, (num,)) for each in (self.weight, self.bias))
        return functional.layer_norm(value, (num,), weight, bias, self._eps)

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`."""
        return points_of(self._size)

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no modules inside
        """See `Choosing.fixed`: torch's own layer."""
        num = fixed(self._size, selection)
        plain = torch.nn.LayerNorm(num, eps=self._eps, device="meta")
        plain.weight = origins.parameter(self.weight, (slice(num),))
        plain.bias = origins.parameter(self.bias, (slice(num),))
        return plain.train(self.training)
