"""A certificate put to the test: how far two modules' outputs lie apart on given inputs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from heredity.transfer.tracing.outputs import output_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heredity.transfer.tracing.trace import Inputs

_DROPOUTS = frozenset(
    {
        torch.nn.functional.dropout,
        torch.nn.functional.dropout1d,
        torch.nn.functional.dropout2d,
        torch.nn.functional.dropout3d,
        torch.nn.functional.alpha_dropout,
        torch.nn.functional.feature_alpha_dropout,
        torch.dropout,
    }
)
# Modules that drop whole residual branches, as Hugging Face, timm and torchvision call them.
_STOCHASTIC_DEPTH = ("DropPath", "StochasticDepth")
_ATTENTION = frozenset({torch.nn.functional.scaled_dot_product_attention})


@dataclass(frozen=True, slots=True)
class Outputs:
    """The tensors that a module returned, in eval and in train mode; of an object only the first."""

    in_eval: tuple[torch.Tensor, ...]
    in_training: tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two modules lie apart: max |child - parent|, and the same as a share of max |parent|.

    Infinite if the outputs do not have the same shapes.
    """

    in_eval: float
    in_eval_relative: float
    in_training: float
    in_training_relative: float

    def __str__(self) -> str:
        return (
            f"max |child - parent|: {self.in_eval:.1e} in eval mode, {self.in_training:.1e} in train mode; "
            f"of the parent's largest output: {self.in_eval_relative:.1e} and {self.in_training_relative:.1e}"
        )


def outputs_of(module: torch.nn.Module, inputs: Inputs, *, dtype: torch.dtype) -> Outputs:
    """Run a copy of a module in eval and in train mode, so that neither its buffers nor its mode change.

    Dropout is left out in train mode: masks cannot be compared between networks of other widths.

    Args:
        module: The module.
        inputs: A tuple of positional or a mapping of keyword arguments.
        dtype: The floating-point type to compute in; float64 tells rounding from a real difference.
    """
    return Outputs(
        in_eval=_run(copy.deepcopy(module).eval(), inputs, dtype=dtype),
        in_training=_run(copy.deepcopy(module).train(), inputs, dtype=dtype),
    )


def measure_difference(
    parent: torch.nn.Module | Outputs, child: torch.nn.Module, inputs: Inputs, *, dtype: torch.dtype
) -> Difference:
    """Measure how far a child's outputs lie from its parent's, in eval and in train mode.

    Args:
        parent: The parent, or its `outputs_of` the same inputs.
        child: The child; it is not changed.
        inputs: A tuple of positional or a mapping of keyword arguments.
        dtype: The floating-point type to compute in.
    """
    theirs = parent if isinstance(parent, Outputs) else outputs_of(parent, inputs, dtype=dtype)
    ours = outputs_of(child, inputs, dtype=dtype)
    in_eval = _distance(theirs.in_eval, ours.in_eval)
    in_training = _distance(theirs.in_training, ours.in_training)
    return Difference(*in_eval, *in_training)


def _run(module: torch.nn.Module, inputs: Inputs, *, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    def as_dtype(value: object) -> object:
        is_real = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.to(dtype) if is_real and isinstance(value, torch.Tensor) else value

    module = module.to(dtype)
    for submodule in module.modules():
        # These hand their dropout to operators that no mode of torch's sees.
        if isinstance(submodule, torch.nn.MultiheadAttention | torch.nn.RNNBase):
            submodule.dropout = 0.0
        if type(submodule).__name__.endswith(_STOCHASTIC_DEPTH):
            submodule.eval()
    with torch.no_grad(), _WithoutDropout():
        if isinstance(inputs, Mapping):
            result = module(**{name: tree_map(as_dtype, value) for name, value in inputs.items()})
        else:
            result = module(*(tree_map(as_dtype, value) for value in inputs))
    return tuple(each.detach() for each in output_tensors(result))  # a parameter may be an output


def _distance(theirs: Sequence[torch.Tensor], ours: Sequence[torch.Tensor]) -> tuple[float, float]:
    if [each.shape for each in theirs] != [each.shape for each in ours]:
        return float("inf"), float("inf")
    absolute = relative = 0.0
    for a, b in zip(theirs, ours, strict=True):
        difference = float((a - b).abs().max()) if a.numel() else 0.0
        size = float(a.abs().max()) if a.numel() else 0.0
        absolute = max(absolute, difference)
        relative = max(relative, difference / size if size else difference)
    return absolute, relative


class _WithoutDropout(TorchFunctionMode):
    """Dropout returns its input, however it is called."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        named = dict(kwargs or {})
        if func in _DROPOUTS:
            return args[0] if args else named["input"]
        if func in _ATTENTION:
            names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
            named, args = named | dict(zip(names, args, strict=False)) | {"dropout_p": 0.0}, ()
        return func(*args, **named)
