"""A LoRA adapter of another rank: more of it changes nothing, less of it is the nearest there is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from heredity.errors import InputError, InvalidTensor

_A = re.compile(r"\.lora_(embedding_)?A(?=\.|$)")
_BIAS = re.compile(r"\.lora_B(\.\w+)?\.bias$")


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two factors of what an adapter adds to a weight."""

    a_name: str
    b_name: str
    a: torch.Tensor
    b: torch.Tensor

    @property
    def rank(self) -> int:
        return int(self.a.shape[0])


def grow_rank(
    adapter: Mapping[str, torch.Tensor], *, rank: int, scaling_ratio: float, generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Give an adapter more rank; what it adds to the weights stays the same.

    ``A' = [A; R]`` and ``B' = [B s, 0]``: new rows are random, as peft begins them, and nobody listens to
    them yet.

    Args:
        adapter: Pairs as peft names them; other tensors are taken over as they are.
        rank: The new rank, not below that of any pair.
        scaling_ratio: s, the old scaling over the new one; a scaling is ``alpha / r`` (with rsLoRA
            ``alpha / sqrt(r)``).
        generator: Draws the new rows.

    Returns:
        New tensors for the pairs; a bias of B, which is scaled as well, goes along.

    Raises:
        InputError: A pair has more rank already, or the ratio is not positive.
        InvalidTensor: A pair is not complete, or its two shapes do not fit together.
    """
    result = _with_scaled_biases(adapter, scaling_ratio)
    for pair in _pairs(adapter):
        if rank < pair.rank:
            raise InputError(
                f"{pair.a_name}: expected a rank below {rank}, its rank is {pair.rank}.",
                hint="`shrink_rank` makes less of it.",
            )
        bound = 1 / math.sqrt(max(1, pair.a[0].numel()))  # peft's kaiming_uniform_ with a = sqrt(5)
        rows = torch.rand((rank - pair.rank, *pair.a.shape[1:]), generator=generator, dtype=torch.float64)
        more = ((2 * rows - 1) * bound).to(pair.a)
        none = pair.b.new_zeros((pair.b.shape[0], rank - pair.rank, *pair.b.shape[2:]))
        result[pair.a_name] = torch.cat([pair.a, more])
        result[pair.b_name] = torch.cat([_scaled(pair.b, scaling_ratio), none], dim=1)
    return result


def shrink_rank(
    adapter: Mapping[str, torch.Tensor], *, rank: int, scaling_ratio: float
) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Give an adapter less rank: of what it adds to each weight, the nearest of that rank is kept.

    By the singular values of ``B A`` (Eckart & Young 1936), found on the small factors of a QR decomposition.

    Args:
        adapter: Pairs as peft names them; other tensors are taken over as they are.
        rank: The new rank, not above that of any pair.
        scaling_ratio: The old scaling over the new one.

    Returns:
        New tensors for the pairs, and by the name of each A the relative error of ``B A`` (Frobenius norm).

    Raises:
        InputError: A pair has less rank already, or the ratio is not positive.
        InvalidTensor: A pair is not complete, or its two shapes do not fit together.
    """
    result, errors = _with_scaled_biases(adapter, scaling_ratio), {}
    for pair in _pairs(adapter):
        if not 0 < rank <= pair.rank:
            raise InputError(
                f"{pair.a_name}: expected a rank from 1 to {pair.rank}, got {rank}.",
                hint="`grow_rank` makes more of it.",
            )
        result[pair.a_name], result[pair.b_name], errors[pair.a_name] = _truncated(pair, rank, scaling_ratio)
    return result, errors


def _truncated(pair: _Pair, rank: int, ratio: float) -> tuple[torch.Tensor, torch.Tensor, float]:
    a = pair.a.detach().to(torch.float64).reshape(pair.rank, -1)
    b = pair.b.detach().to(torch.float64).reshape(pair.b.shape[0], pair.rank)
    q_b, r_b = torch.linalg.qr(b)
    q_a, r_a = torch.linalg.qr(a.T)
    left, values, right = torch.linalg.svd(r_b @ r_a.T, full_matrices=False)
    # Half of each singular value on either side, so that neither factor dwarfs the other.
    kept = min(rank, len(values))
    root = values[:kept].sqrt()
    new_a, new_b = a.new_zeros((rank, a.shape[1])), b.new_zeros((b.shape[0], rank))
    new_a[:kept] = root[:, None] * (right[:kept] @ q_a.T)
    new_b[:, :kept] = (q_b @ left[:, :kept]) * root * ratio
    size = float(values.norm())
    error = float(values[kept:].norm()) / size if size else 0.0
    shape_a, shape_b = (rank, *pair.a.shape[1:]), (pair.b.shape[0], rank, *pair.b.shape[2:])
    return new_a.reshape(shape_a).to(pair.a), new_b.reshape(shape_b).to(pair.b), error


def _pairs(adapter: Mapping[str, torch.Tensor]) -> Iterator[_Pair]:
    for a_name, a in adapter.items():
        if not _A.search(a_name):
            continue
        b_name = _A.sub(lambda match: f".lora_{match[1] or ''}B", a_name)
        b = adapter.get(b_name)
        # Behind its first two axes, B has those of a kernel, all of length 1.
        if b is None or min(a.dim(), b.dim()) < 2 or b.numel() != b.shape[0] * a.shape[0]:
            found = "missing" if b is None else f"of shape {tuple(b.shape)}"
            raise InvalidTensor(
                f"{a_name} is of shape {tuple(a.shape)}, {b_name} is {found}: they are no pair.",
                hint="Give the state of a LoRA adapter, as peft names it.",
            )
        yield _Pair(a_name, b_name, a, b)


def _scaled(tensor: torch.Tensor, factor: float) -> torch.Tensor:
    return (tensor.detach().to(torch.float64) * factor).to(tensor.dtype)


def _with_scaled_biases(adapter: Mapping[str, torch.Tensor], ratio: float) -> dict[str, torch.Tensor]:
    """The adapter's tensors, of which the pairs are still to be replaced."""
    if not (ratio > 0 and math.isfinite(ratio)):
        raise InputError(f"scaling_ratio: expected a positive number, got {ratio}.")
    return {name: _scaled(value, ratio) if _BIAS.search(name) else value for name, value in adapter.items()}
