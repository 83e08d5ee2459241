"""A LoRA adapter of the parent becomes one of the child: what it adds to a weight goes the weight's way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from heredity.errors import InvalidTensor
from heredity.transfer.plans.plan import MEAN_ENTRY, How

if TYPE_CHECKING:
    from heredity.transfer.plans.plan import AxisMap, Step, TransferPlan

Shape = tuple[int, ...]

# As peft names them: base_model.model.<layer>.lora_A[.<adapter>].weight, and without .weight for embeddings.
_NAME = re.compile(
    r"(?P<layer>.+?)\.lora_(?P<embedding>embedding_)?(?P<side>[AB])(?:\.\w+?)??(?P<ending>(?:\.weight|\.bias)?)"
)
_PREFIXES = ("base_model.model.", "base_model.")
_MAGNITUDE = ".lora_magnitude_vector"


@dataclass(frozen=True, slots=True)
class AdapterReport:
    """What became of an adapter.

    Attributes:
        carried: The child's tensors that come from the parent's adapter.
        new: Those of the child that do not, each with the reason.
        unused: Those of the parent that no tensor of the child takes.
    """

    carried: tuple[str, ...]
    new: Mapping[str, str]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"adapter: {len(self.carried)} of {len(self.carried) + len(self.new)} tensors carried"]
        lines += [f"new: {name}: {reason}" for name, reason in self.new.items()]
        return "\n".join([*lines, *(f"not used: {name}" for name in self.unused)])


def carry_adapter(
    plan: TransferPlan,
    adapter: Mapping[str, torch.Tensor],
    child_shapes: Mapping[str, Shape],
    *,
    is_transposed: bool = False,
) -> tuple[dict[str, torch.Tensor], AdapterReport]:
    """Carry a LoRA adapter (Hu et al. 2022) of the parent over to the child: ``A' = A D`` and ``B' = E B``.

    Where a weight becomes ``W' = E W D``, the child with this adapter computes what the parent with its own
    does: ``W' + B' A' = E (W + B A) D``. So it is exact where the plan is. Names are peft's; the adapter's
    name in them (``.default``) may be there or not, on either side.

    Args:
        plan: The plan for the weights below the adapters.
        adapter: The parent's, one alone: ``….lora_A.weight`` [r, in], ``….lora_B.weight`` [out, r]; those of
            embeddings and convolutions too.
        child_shapes: Names and shapes of the tensors of the child's adapter, of the same rank; `grow_rank`
            and `shrink_rank` change ranks.
        is_transposed: The weights below are [in, out], as those of GPT-2 (peft's ``fan_in_fan_out``).

    Returns:
        The tensors that are carried, named as the child's, and a report of all.

    Raises:
        InvalidTensor: A tensor of either side does not fit the plan's shapes, or two adapters came.
    """
    parents = _Parents(adapter)
    result: dict[str, torch.Tensor] = {}
    new: dict[str, str] = {}
    used: set[str] = set()
    for name, shape in child_shapes.items():
        found = _source_of(plan, name, parents)
        if isinstance(found, str):
            new[name] = found
            continue
        result[name] = _mapped(found, adapter[found.name], is_transposed=is_transposed)
        _check(name, result[name], shape)
        used.add(found.name)
    unused = tuple(name for name in adapter if name not in used)
    return result, AdapterReport(tuple(result), new, unused)


@dataclass(frozen=True, slots=True)
class _Part:
    """One tensor of an adapter: A or B of a layer, or B's bias."""

    layer: str
    side: str
    is_embedding: bool
    is_bias: bool

    @property
    def key(self) -> str:
        """What distinguishes it within its layer."""
        return f"{'embedding_' * self.is_embedding}{self.side}{' bias' * self.is_bias}"


class _Parents:
    """The names of the parent's adapter, by what they are."""

    def __init__(self, names: Iterable[str]) -> None:
        self.name_of: dict[tuple[str, str], str] = {}
        self.with_magnitude = {_layer(name.partition(_MAGNITUDE)[0]) for name in names if _MAGNITUDE in name}
        for name in names:
            part = _part_of(name)
            if part is not None:
                other = self.name_of.setdefault((part.layer, part.key), name)
                if other != name:
                    raise InvalidTensor(
                        f"{other} and {name} are of two adapters.", hint="Carry one adapter at a time."
                    )


def _part_of(name: str) -> _Part | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    is_bias = match["ending"] == ".bias"
    return _Part(_layer(match["layer"]), match["side"], match["embedding"] is not None, is_bias)


def _layer(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a tensor of the child's adapter comes from: the parent's tensor, and the weight's step."""

    name: str
    part: _Part
    step: Step


def _source_of(plan: TransferPlan, name: str, parents: _Parents) -> _Source | str:
    """Where a tensor comes from, or why it comes from nowhere."""
    part = _part_of(name)
    if part is None:
        return "it is none of A, B and B's bias"
    step = plan.by_tensor.get(f"{part.layer}.weight")
    if step is None:
        return f"the plan says nothing of {part.layer}.weight"
    if step.how not in {How.COPY, How.GATHER}:
        return f"{step.tensor} is not the parent's ({step})"
    layer = step.source.removesuffix(".weight")
    if layer in parents.with_magnitude:
        return f"{layer} has a magnitude vector (DoRA), which is not linear in the weight"
    source = parents.name_of.get((layer, part.key))
    return _Source(source, part, step) if source else f"the parent's adapter has none for {layer}"


def _mapped(source: _Source, tensor: torch.Tensor, *, is_transposed: bool) -> torch.Tensor:
    """Map the axes that are the weight's; the rank stays."""
    part, step = source.part, source.step
    # What is added to an embedding [entries, dim] is the transpose of B A, as with GPT-2's weights.
    out, into = (1, 0) if is_transposed or part.is_embedding else (0, 1)
    # The axes of a kernel are A's too; those of B's are of length 1.
    numbers = {0: out} if part.side == "B" else {1: into, **{i: i for i in range(2, len(step.shape))}}
    found = dict(enumerate(tensor.shape))
    if any(found.get(axis) != step.source_shape[number] for axis, number in numbers.items()):
        raise InvalidTensor(
            f"{source.name}: its shape {tuple(tensor.shape)} does not fit {step.source} of shape "
            f"{step.source_shape}.",
            hint="Say is_transposed if the weights are [in, out].",
        )
    result = tensor.detach()
    for axis, number in numbers.items():
        if step.how is How.GATHER:
            result = _gathered(result, step.axes[number], axis)
    return result.to(tensor.dtype, copy=True).contiguous()


def _gathered(tensor: torch.Tensor, axis: AxisMap, number: int) -> torch.Tensor:
    """Gather and scale along one axis; to what is new, the adapter adds nothing."""
    exact = tensor.to(torch.float64)
    sources = torch.tensor(axis.sources, dtype=torch.long, device=tensor.device)
    scales = (1.0,) * len(axis.sources) if axis.scales is None else axis.scales
    factors = torch.tensor(scales, dtype=torch.float64, device=tensor.device)
    # The mean over the axis stands behind its last entry.
    sources = torch.where(sources == MEAN_ENTRY, tensor.shape[number], sources)
    factors = torch.where(sources < 0, 0.0, factors)
    with_mean = torch.cat([exact, exact.mean(dim=number, keepdim=True)], dim=number)
    shape = [-1 if i == number else 1 for i in range(tensor.dim())]
    return with_mean.index_select(number, sources.clamp(min=0)) * factors.reshape(shape)


def _check(name: str, tensor: torch.Tensor, shape: Shape) -> None:
    if tuple(tensor.shape) != tuple(shape):
        raise InvalidTensor(
            f"{name}: the child expects the shape {tuple(shape)}, carried was {tuple(tensor.shape)}.",
            hint="If the ranks differ, change that of the parent's adapter first: grow_rank, shrink_rank.",
        )
