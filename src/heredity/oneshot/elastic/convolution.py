"""Convolutions whose channels and kernels are chosen: the first channels, the centre of the kernel.

OIK: a weight's axes: channels out, channels in (of a group), places of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

from heredity.errors import InputError
from heredity.oneshot.choosing import ChoicePoint, Choosing, Copy, Kind
from heredity.oneshot.elastic.parts import Sizes, part_of, slices_of
from heredity.oneshot.elastic.sizes import Elastic, Size, current, fixed, largest, points_of
from heredity.oneshot.selection import selected

if TYPE_CHECKING:
    from heredity.oneshot.origins import Origins


class _ElasticConv(Choosing):
    """What the convolutions of all dimensions have in common."""

    plain: ClassVar[type[torch.nn.Conv1d | torch.nn.Conv2d]]
    num_axes: ClassVar[int]
    convolve: ClassVar[Callable[..., torch.Tensor]]

    def __init__(  # noqa: PLR0913  # torch's own arguments
        self,
        in_channels: Size,
        out_channels: Size,
        kernel_size: Size,
        *,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        groups: Size = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self._is_depthwise = groups != 1
        if self._is_depthwise and not groups == in_channels == out_channels:
            raise InputError(
                f"groups: expected 1, or the same as in_channels and out_channels, got {groups!r}.",
            )
        _check_kernel(kernel_size, padding)
        self._in_channels, self._out_channels, self._kernel_size = in_channels, out_channels, kernel_size
        self._stride, self._padding, self._dilation = stride, padding, dilation
        made = self.plain(
            largest(in_channels),
            largest(out_channels),
            largest(kernel_size),
            groups=largest(groups),
            bias=bias,
        )
        self.weight = made.weight  # OIK
        self.bias = made.bias

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Convolve with what is selected."""
        kernel = self._kernel_size
        chosen = selected(kernel.label) if isinstance(kernel, Elastic) else 0
        if isinstance(kernel, Elastic) and isinstance(chosen, torch.Tensor):
            return self._mixed(value, kernel, chosen)
        num_out, size = current(self._out_channels), current(kernel)
        weight = part_of(self.weight, self._weight_sizes(current(self._in_channels), num_out, size))
        bias = None if self.bias is None else part_of(self.bias, (num_out,))
        return self._convolved(value, weight, bias, size)

    def _mixed(self, value: torch.Tensor, kernel: Elastic, weights: torch.Tensor) -> torch.Tensor:
        """The sum of the outputs of all kernels, each times its weight: convolution is linear."""
        if weights.dim() != 1 or len(weights) != len(kernel.values):
            raise InputError(
                f"{kernel.label}: expected {len(kernel.values)} weights, got {list(weights.shape)}."
            )
        num_out, size = current(self._out_channels), largest(kernel)
        whole = part_of(self.weight, self._weight_sizes(current(self._in_channels), num_out, size))
        weight = torch.zeros_like(whole)
        for number, smaller in enumerate(kernel.values):
            centre = whole[slices_of(whole, (*whole.shape[:2], *self._kernel_sizes(smaller)))]
            margin = (size - smaller) // 2
            padded = functional.pad(centre, [margin] * (2 * self.num_axes))
            weight = weight + weights[number] * padded
        bias = None if self.bias is None else weights.sum() * part_of(self.bias, (num_out,))
        return self._convolved(value, weight, bias, size)

    def _convolved(
        self, value: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, size: int
    ) -> torch.Tensor:
        groups = weight.shape[0] if self._is_depthwise else 1
        padding = self._padding_of(size)
        return type(self).convolve(value, weight, bias, self._stride, padding, self._dilation, groups)

    def _padding_of(self, size: int) -> int:
        return self._dilation * (size - 1) // 2 if self._padding is None else self._padding

    def _weight_sizes(self, num_in: int, num_out: int, size: int) -> Sizes:
        return num_out, 1 if self._is_depthwise else num_in, *self._kernel_sizes(size)

    def _kernel_sizes(self, size: int) -> Sizes:
        return (size,) * self.num_axes

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`."""
        yield from points_of(self._in_channels, self._out_channels)
        yield from points_of(self._kernel_size, kind=Kind.KERNEL)

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no modules inside
        """See `Choosing.fixed`: torch's own convolution."""
        num_in, num_out = fixed(self._in_channels, selection), fixed(self._out_channels, selection)
        size = fixed(self._kernel_size, selection)
        plain = self.plain(
            num_in,
            num_out,
            size,
            stride=self._stride,
            padding=self._padding_of(size),
            dilation=self._dilation,
            groups=num_out if self._is_depthwise else 1,
            bias=self.bias is not None,
            device="meta",
        )
        plain.weight = origins.parameter(
            self.weight, slices_of(self.weight, self._weight_sizes(num_in, num_out, size))
        )
        if self.bias is not None:
            plain.bias = origins.parameter(self.bias, (slice(num_out),))
        return plain.train(self.training)

    def extra_repr(self) -> str:
        """What torch prints of the layer."""
        return f"{self._in_channels}, {self._out_channels}, kernel_size={self._kernel_size}"


class ElasticConv1d(_ElasticConv):
    """A convolution over one axis, of the sizes that are selected; see `ElasticConv2d`."""

    plain = torch.nn.Conv1d
    num_axes = 1
    convolve = staticmethod(torch.conv1d)


class ElasticConv2d(_ElasticConv):
    """A convolution over two axes, of the sizes that are selected (Cai et al. 2020, OFA).

    Fewer channels are the first ones, and smaller kernels the centres of larger ones; a kernel that is
    chosen may be mixed too.

    Args:
        in_channels: How many channels it reads.
        out_channels: How many it gives.
        kernel_size: Each side of the kernel; if it is chosen, from odd sizes.
        stride: As torch's.
        padding: As torch's; None for as much as keeps the size at a stride of 1.
        dilation: As torch's.
        groups: 1, or the same as both numbers of channels: each channel for itself.
        bias: As torch's.

    Raises:
        InputError: The sizes do not fit together.
    """

    plain = torch.nn.Conv2d
    num_axes = 2
    convolve = staticmethod(torch.conv2d)


def _check_kernel(size: Size, padding: int | None) -> None:
    if not isinstance(size, Elastic):
        return
    if padding is not None:
        raise InputError(f"{size.label}: a kernel that is chosen pads itself: leave padding out.")
    if size.factor != 1 or any(one % 2 == 0 for one in size.values):
        raise InputError(f"{size.label}: expected odd sizes of kernels, got {size.values}.")
