"""Transformers that read and write words: GPT, LLaMA, BERT, T5 and their mixtures."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from heredity.testing.architectures.attention import CrossAttention, SelfAttention, mixed_by
from heredity.testing.architectures.kinds import kind, tokens, two_sentences
from heredity.testing.architectures.layers import Apply, RMSNorm, Sum, Tensor, activation, last_norm, run

LENGTH = 6


class GatedPerceptron(nn.Module):
    """Two branches multiplied, one of them through an activation: SwiGLU, GeGLU, ReGLU."""

    def __init__(self, width: int, inner: int, *, act: str, is_fused: bool = False) -> None:
        super().__init__()
        self.gate = nn.Linear(width, inner * (2 if is_fused else 1), bias=False)
        self.up = None if is_fused else nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        """Compute. Input and result BTC."""
        if self.up is None:
            gate, up = run(self.gate, x).chunk(2, -1)
        else:
            gate, up = run(self.gate, x), run(self.up, x)
        return run(self.down, run(self.act, gate) * up)


def perceptron(width: int, inner: int, *, act: str) -> nn.Module:
    """Two dense layers with an activation between them."""
    return nn.Sequential(nn.Linear(width, inner), activation(act), nn.Linear(inner, width))


class _Language(nn.Module):
    """Words, their places, a body, and a head that may be the words' own table."""

    places: Tensor | None

    def __init__(self, body: nn.Module, *, width: int, vocabulary: int, places: str, is_tied: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.table = nn.Embedding(LENGTH, width) if places == "learned" else None
        self.register_buffer("places", _waves(width) if places == "waves" else None, persistent=False)
        self.body = body
        self.head = nn.Linear(width, vocabulary, bias=False)
        if is_tied:
            self.head.weight = self.words.weight

    def forward(self, words: Tensor) -> Tensor:
        x = run(self.words, words)
        if self.table is not None:
            x = x + run(self.table, torch.arange(words.shape[1]))
        if self.places is not None:
            x = x + self.places
        return run(self.head, run(self.body, x))


def _waves(width: int) -> Tensor:
    """Sinusoids of each place, TC."""
    frequencies = torch.exp(-math.log(100.0) * torch.arange(width) / width)
    return torch.sin(torch.arange(LENGTH)[:, None] * frequencies)


@kind(
    tokens,
    sizes={"width": (8, 12, 16), "heads": (1, 2, 4), "head_size": (4, 6), "inner": (8, 12), "depth": (1, 2)},
    styles={
        "way": ("sdpa", "matmul", "einsum"),
        "is_fused": (True, False),
        "act": ("gelu", "gelu_tanh", "relu"),
        "places": ("learned", "waves"),
        "is_tied": (True, False),
    },
)
def gpt(
    *, width: int, heads: int, head_size: int, inner: int, depth: int, **styles: str | bool | int
) -> nn.Module:
    """Causal, with normalization before each branch, as GPT-2."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        attention = SelfAttention(
            width,
            heads=heads,
            head_size=head_size,
            way=str(styles["way"]),
            is_causal=True,
            is_fused=bool(styles["is_fused"]),
        )
        layers.append(Sum(nn.Sequential(nn.LayerNorm(width), attention)))
        branch = perceptron(width, inner, act=str(styles["act"]))
        layers.append(Sum(nn.Sequential(nn.LayerNorm(width), branch)))
    body = nn.Sequential(*layers, nn.LayerNorm(width))
    places, is_tied = str(styles["places"]), bool(styles["is_tied"])
    return _Language(body, width=width, vocabulary=11, places=places, is_tied=is_tied)


@kind(
    tokens,
    sizes={
        "width": (8, 12, 16),
        "heads": (1, 2),
        "queries_per_key": (1, 2),
        "head_size": (4, 8),
        "inner": (8, 12),
        "depth": (1, 2),
        "vocabulary": (11, 11, 13),
    },
    styles={
        "normed": ("rms", "fused_rms"),
        "act": ("silu", "gelu", "relu"),
        "is_fused": (True, False),
        "is_tied": (True, False),
    },
)
def llama(  # noqa: PLR0913  # one for each size and style
    *,
    width: int,
    heads: int,
    queries_per_key: int,
    head_size: int,
    inner: int,
    depth: int,
    vocabulary: int,
    **styles: str | bool | int,
) -> nn.Module:
    """Rotary places, grouped queries and gated perceptrons, as LLaMA."""
    layers: list[nn.Module] = []
    normed, is_fused = str(styles["normed"]), bool(styles["is_fused"])
    for _ in range(depth):
        attention = SelfAttention(
            width,
            heads=heads,
            head_size=head_size,
            is_causal=True,
            queries_per_key=queries_per_key,
            is_rotary=True,
            has_bias=False,
        )
        gated = GatedPerceptron(width, inner, act=str(styles["act"]), is_fused=is_fused)
        layers.append(Sum(nn.Sequential(last_norm(normed, width), attention)))
        layers.append(Sum(nn.Sequential(last_norm(normed, width), gated)))
    body = nn.Sequential(*layers, last_norm(normed, width))
    is_tied = bool(styles["is_tied"])
    return _Language(body, width=width, vocabulary=vocabulary, places="none", is_tied=is_tied)


class _Scaled(nn.Module):
    """Multiplies by a number that follows the width, and is kept as a buffer or not."""

    scale: Tensor

    def __init__(self, width: int, *, is_buffer: bool) -> None:
        super().__init__()
        self.number = math.sqrt(width)
        self.is_buffer = is_buffer
        self.register_buffer("scale", torch.tensor(self.number), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale if self.is_buffer else x * self.number


@kind(
    tokens,
    sizes={"width": (8, 12, 16), "heads": (1, 2), "inner": (8, 12), "depth": (1, 2)},
    styles={"is_tied": (True, True, False), "is_capped": (True, False), "is_buffer": (True, False)},
)
def gemma(*, width: int, heads: int, inner: int, depth: int, **styles: bool) -> nn.Module:
    """Words times the root of the width, norms whose factors are kept less one, capped scores, as Gemma."""

    def norm() -> nn.Module:
        return RMSNorm(width, added=1.0)

    layers: list[nn.Module] = [_Scaled(width, is_buffer=styles["is_buffer"])]
    for _ in range(depth):
        attention = SelfAttention(width, heads=heads, head_size=4, is_causal=True, has_bias=False)
        gated = GatedPerceptron(width, inner, act="gelu_tanh")
        layers += [Sum(nn.Sequential(norm(), branch, norm())) for branch in (attention, gated)]
    body = nn.Sequential(*layers, norm())
    module = _Language(body, width=width, vocabulary=11, places="none", is_tied=styles["is_tied"])
    return (
        nn.Sequential(module, Apply(lambda x: 3.0 * torch.tanh(x / 3.0))) if styles["is_capped"] else module
    )


@kind(
    tokens,
    sizes={"width": (8, 16), "heads": (1, 2, 4), "head_size": (4, 6), "inner": (8, 12), "depth": (1, 2),
           "vocabulary": (11, 13), "classes": (3, 3, 4)},
    styles={"way": ("sdpa", "matmul"), "act": ("gelu", "relu"), "places": ("learned", "waves")},
)  # fmt: skip
def bert(  # noqa: PLR0913  # one for each size and style
    *, width: int, heads: int, head_size: int, inner: int, depth: int, vocabulary: int, classes: int,
    **styles: str | bool | int,
) -> nn.Module:  # fmt: skip
    """Normalization behind each sum, and a class for the first word, as BERT."""
    layers: list[nn.Module] = [nn.LayerNorm(width)]
    for _ in range(depth):
        attention = SelfAttention(width, heads=heads, head_size=head_size, way=str(styles["way"]))
        layers += [Sum(attention), nn.LayerNorm(width)]
        layers += [Sum(perceptron(width, inner, act=str(styles["act"]))), nn.LayerNorm(width)]
    body = nn.Sequential(*layers, Apply(lambda x: x[:, 0]), nn.Linear(width, width), nn.Tanh())
    module = _Language(body, width=width, vocabulary=vocabulary, places=str(styles["places"]), is_tied=False)
    module.head = nn.Linear(width, classes)
    return module


@kind(
    tokens,
    sizes={"width": (8, 12), "heads": (1, 2), "head_size": (4, 6), "inner": (8, 12), "depth": (1, 2)},
    styles={"normed": ("rms", "plain_rms"), "way": ("matmul", "sdpa")},
)
def relative(  # noqa: PLR0913  # one for each size and style
    *, width: int, heads: int, head_size: int, inner: int, depth: int, normed: str, way: str
) -> nn.Module:
    """A learned bias for each distance, as T5's encoder."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        attention = SelfAttention(width, heads=heads, head_size=head_size, way=way, relative_length=LENGTH)
        layers.append(Sum(nn.Sequential(last_norm(normed, width), attention)))
        gated = GatedPerceptron(width, inner, act="gelu_tanh")
        layers.append(Sum(nn.Sequential(last_norm(normed, width), gated)))
    body = nn.Sequential(*layers, last_norm(normed, width))
    return _Language(body, width=width, vocabulary=11, places="none", is_tied=False)


class _Mixture(nn.Module):
    """Experts, all of them computed, weighed by a router."""

    def __init__(self, width: int, inner: int, experts: int, *, is_stacked: bool, top: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts, bias=False)
        self.is_stacked, self.top = is_stacked, top
        if is_stacked:
            self.up = nn.Parameter(torch.randn(experts, width, inner) / math.sqrt(width))
            self.down = nn.Parameter(torch.randn(experts, inner, width) / math.sqrt(inner))
        else:
            self.experts = nn.ModuleList(perceptron(width, inner, act="silu") for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        logits = run(self.router, x)
        if self.top:
            least = logits.topk(self.top, -1).values[..., -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        shares = logits.softmax(-1)
        if self.is_stacked:
            inner = functional.silu(torch.einsum("btw,ewi->btei", x, self.up))
            return torch.einsum("btei,eiw,bte->btw", inner, self.down, shares)
        answers = torch.stack([run(expert, x) for expert in self.experts], -1)
        return (answers * shares.unsqueeze(-2)).sum(-1)


@kind(
    tokens,
    sizes={"width": (6, 8), "inner": (4, 6), "experts": (2, 3, 4), "heads": (1, 2)},
    styles={"is_stacked": (True, False), "top": (0, 2)},
)
def mixture(*, width: int, inner: int, experts: int, heads: int, is_stacked: bool, top: int) -> nn.Module:
    """Experts behind a router, all of them or the best two, as Mixtral."""
    attention = SelfAttention(width, heads=heads, head_size=4, is_causal=True)
    body = nn.Sequential(
        Sum(nn.Sequential(nn.LayerNorm(width), attention)),
        Sum(
            nn.Sequential(
                nn.LayerNorm(width), _Mixture(width, inner, experts, is_stacked=is_stacked, top=top)
            )
        ),
        nn.LayerNorm(width),
    )
    return _Language(body, width=width, vocabulary=11, places="none", is_tied=False)


class _Translator(nn.Module):
    def __init__(self, *, width: int, heads: int, head_size: int, inner: int, depth: int) -> None:
        super().__init__()
        self.words = nn.Embedding(11, width)
        self.places = nn.Embedding(LENGTH, width)
        encoder: list[nn.Module] = []
        for _ in range(depth):
            attention = SelfAttention(width, heads=heads, head_size=head_size)
            encoder.append(Sum(nn.Sequential(nn.LayerNorm(width), attention)))
            encoder.append(Sum(nn.Sequential(nn.LayerNorm(width), perceptron(width, inner, act="relu"))))
        self.encoder = nn.Sequential(*encoder, nn.LayerNorm(width))
        own = SelfAttention(width, heads=heads, head_size=head_size, is_causal=True, way="matmul")
        self.own = Sum(nn.Sequential(nn.LayerNorm(width), own))
        self.cross = CrossAttention(width, heads=heads, head_size=head_size)
        self.before_cross = nn.LayerNorm(width)
        self.last = Sum(nn.Sequential(nn.LayerNorm(width), perceptron(width, inner, act="relu")))
        self.norm = nn.LayerNorm(width)

    def forward(self, source: Tensor, written: Tensor) -> Tensor:
        memory = run(self.encoder, self._embedded(source))
        x = run(self.own, self._embedded(written))
        x = x + run(self.cross, run(self.before_cross, x), memory)
        return functional.linear(run(self.norm, run(self.last, x)), self.words.weight)

    def _embedded(self, words: Tensor) -> Tensor:
        return run(self.words, words) + run(self.places, torch.arange(words.shape[1]))


@kind(
    two_sentences,
    sizes={"width": (8, 12, 16), "heads": (1, 2), "head_size": (4, 6), "inner": (8, 12), "depth": (1, 2)},
)
def translator(*, width: int, heads: int, head_size: int, inner: int, depth: int) -> nn.Module:
    """An encoder and a decoder that share the table of words, as BART."""
    return _Translator(width=width, heads=heads, head_size=head_size, inner=inner, depth=depth)


class _LinearAttention(nn.Module):
    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * heads * 4)
        self.out = nn.Linear(heads * 4, width)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        qkv = run(self.qkv, x).view(*x.shape[:2], 3, self.heads, 4).permute(2, 0, 3, 1, 4)
        mixed = mixed_by("linear", qkv[0], qkv[1], qkv[2], is_causal=False)
        return run(self.out, mixed.transpose(1, 2).flatten(2))


@kind(tokens, sizes={"width": (6, 8, 12), "heads": (1, 2, 3), "inner": (6, 8), "depth": (1, 2)})
def linear_attention(*, width: int, heads: int, inner: int, depth: int) -> nn.Module:
    """Attention without a softmax, its three projections in one tensor of five axes."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers.append(Sum(nn.Sequential(nn.LayerNorm(width), _LinearAttention(width, heads=heads))))
        layers.append(Sum(nn.Sequential(nn.LayerNorm(width), GatedPerceptron(width, inner, act="silu"))))
    body = nn.Sequential(*layers, nn.LayerNorm(width))
    return _Language(body, width=width, vocabulary=11, places="learned", is_tied=False)
