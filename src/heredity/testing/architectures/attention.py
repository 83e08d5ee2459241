"""Attention in the many ways in which people write it."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from heredity.testing.architectures.layers import Tensor, run


def mixed_by(
    way: str, q: Tensor, k: Tensor, v: Tensor, *, is_causal: bool, bias: Tensor | None = None
) -> Tensor:
    """Attend. Operands BHTD, the result as q.

    Args:
        way: ``"sdpa"``, ``"matmul"``, ``"einsum"`` or ``"linear"`` (without softmax).
        q: Queries.
        k: Keys, as many heads as queries.
        v: Values.
        is_causal: Whether a place sees only those before it.
        bias: Added to the logits, HTT.
    """
    if way == "sdpa":
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=is_causal)
    if way == "linear":
        return (functional.elu(q) + 1) @ ((functional.elu(k) + 1).transpose(-1, -2) @ v)
    scale = 1 / math.sqrt(q.shape[-1])
    logits = (
        torch.einsum("bhqd,bhkd->bhqk", q, k) * scale
        if way == "einsum"
        else (q @ k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
    )
    logits = logits if bias is None else logits + bias
    if is_causal:
        hidden = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).triu(1)
        logits = logits.masked_fill(hidden, -torch.inf)
    shares = torch.softmax(logits, -1)
    return torch.einsum("bhqk,bhkd->bhqd", shares, v) if way == "einsum" else shares @ v


def rotated(x: Tensor) -> Tensor:
    """Turn pairs of features by their place, as rotary embeddings do. Input and result BHTD."""
    length, size = x.shape[-2:]
    frequencies = 100.0 ** (-torch.arange(0, size, 2, dtype=x.dtype) / size)
    angles = torch.arange(length, dtype=x.dtype)[:, None] * frequencies
    cosine, sine = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat([-second, first], -1) * sine


class RelativeBias(nn.Module):
    """A learned number for each head and each distance, as in T5 and Swin."""

    index: Tensor

    def __init__(self, *, heads: int, length: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(2 * length - 1, heads))
        places = torch.arange(length)
        self.register_buffer("index", places[:, None] - places[None, :] + length - 1, persistent=False)

    def forward(self) -> Tensor:
        """The bias, HTT."""
        return self.table[self.index].permute(2, 0, 1)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself, with one projection for q, k and v or with three.

    Queries may have several heads for each head of keys and values.
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        head_size: int,
        way: str = "sdpa",
        is_causal: bool = False,
        **options: bool | int,
    ) -> None:
        super().__init__()
        self.heads, self.head_size, self.way, self.is_causal = heads, head_size, way, is_causal
        self.queries_per_key = int(options.get("queries_per_key", 1))
        self.is_rotary = bool(options.get("is_rotary", False))
        self.is_fused = bool(options.get("is_fused", False))
        has_bias = bool(options.get("has_bias", True))
        size, keys = heads * head_size * self.queries_per_key, heads * head_size
        if self.is_fused:
            self.qkv = nn.Linear(width, size + 2 * keys, bias=has_bias)
        else:
            self.q = nn.Linear(width, size, bias=has_bias)
            self.k = nn.Linear(width, keys, bias=has_bias)
            self.v = nn.Linear(width, keys, bias=has_bias)
        self.out = nn.Linear(size, width, bias=has_bias)
        length = int(options.get("relative_length", 0))
        self.bias = RelativeBias(heads=heads * self.queries_per_key, length=length) if length else None

    def forward(self, x: Tensor) -> Tensor:
        """Attend. Input and result BTC."""
        q, k, v = (self._heads(part) for part in self._projected(x))
        if self.is_rotary:
            q, k = rotated(q), rotated(k)
        if self.queries_per_key > 1:
            k, v = (each.repeat_interleave(self.queries_per_key, 1) for each in (k, v))
        bias = self.bias() if self.bias is not None else None
        mixed = mixed_by(self.way, q, k, v, is_causal=self.is_causal, bias=bias)
        return run(self.out, mixed.transpose(1, 2).reshape(*x.shape[:2], -1))

    def _projected(self, x: Tensor) -> tuple[Tensor, ...]:
        if not self.is_fused:
            return run(self.q, x), run(self.k, x), run(self.v, x)
        keys = self.heads * self.head_size
        return torch.split(run(self.qkv, x), [keys * self.queries_per_key, keys, keys], -1)

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.head_size).transpose(1, 2)


class CrossAttention(nn.Module):
    """Attention of one sequence to another."""

    def __init__(self, width: int, *, heads: int, head_size: int, way: str = "matmul") -> None:
        super().__init__()
        self.heads, self.way = heads, way
        self.q, self.k, self.v = (nn.Linear(width, heads * head_size) for _ in range(3))
        self.out = nn.Linear(heads * head_size, width)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """Attend. Inputs BTC and BSC, the result as the first."""
        q, k, v = (
            torch.unflatten(run(project, source), -1, (self.heads, -1)).transpose(1, 2)
            for project, source in ((self.q, x), (self.k, memory), (self.v, memory))
        )
        return run(self.out, mixed_by(self.way, q, k, v, is_causal=False).transpose(1, 2).flatten(2))


class TorchAttention(nn.Module):
    """Torch's own multi-head attention, as attention of a sequence to itself."""

    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        self.body = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Attend. Input and result BTC."""
        mixed: Tensor = self.body(x, x, x, need_weights=False)[0]
        return mixed
