"""A small language model over characters, and Python's standard library to read: pre-norm, without biases."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

CONTEXT = 32
HEAD = 16
# Printable ASCII, tab and line break; what else occurs is the last sign.
SIGNS = "".join(map(chr, range(32, 127))) + "\t\n"
NUM_SIGNS = len(SIGNS) + 1


class LanguageModel(nn.Module):
    """Embeddings of signs and places, ``depth`` pre-norm blocks of one ``width``, and a head of its own.

    Takes signs, (N, context), and returns logits, (N, context, NUM_SIGNS). The width counts heads of 16; the
    perceptrons are ``hidden`` times as wide.
    """

    def __init__(self, width: int, depth: int, hidden: int = 4, context: int = CONTEXT) -> None:
        super().__init__()
        self.signs = nn.Embedding(NUM_SIGNS, width)
        self.places = nn.Embedding(context, width)
        self.register_buffer("order", torch.arange(context), persistent=False)
        self.blocks = nn.Sequential(*(Block(width, hidden * width) for _ in range(depth)))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, NUM_SIGNS, bias=False)
        for table in (self.signs, self.places):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, signs: Tensor) -> Tensor:
        x = self.signs(signs) + self.places(self.order)
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits


class Block(nn.Module):
    """Attention to what came before, then a perceptron; each is added to what it reads."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm_attention = nn.RMSNorm(width, eps=1e-6)
        self.query, self.key, self.value, self.mix = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.norm_perceptron = nn.RMSNorm(width, eps=1e-6)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        read = self.norm_attention(x)
        query, key, value = (_heads(layer(read)) for layer in (self.query, self.key, self.value))
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(seen.transpose(1, 2).flatten(2))
        result: Tensor = x + self.down(functional.gelu(self.up(self.norm_perceptron(x))))
        return result


def _heads(x: Tensor) -> Tensor:
    return x.reshape(*x.shape[:-1], -1, HEAD).transpose(1, 2)


def read_signs(num_signs: int) -> tuple[Tensor, Tensor]:
    """The first modules of the standard library as numbers; every tenth file is for the test.

    Args:
        num_signs: How many signs each part has at most.

    Returns:
        What to learn from and what to test on, each (signs,).
    """
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    parts = (
        [file for number, file in enumerate(files) if number % 10],
        files[::10],
    )
    learn, test = (_numbers(part, num_signs) for part in parts)
    return learn, test


def _numbers(files: list[Path], num_signs: int) -> Tensor:
    text = "".join(file.read_text("utf-8", errors="replace") for file in files)[:num_signs]
    place = {sign: number for number, sign in enumerate(SIGNS)}
    return torch.tensor([place.get(sign, len(SIGNS)) for sign in text])
