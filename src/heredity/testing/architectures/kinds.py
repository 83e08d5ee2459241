"""Kinds of networks: a builder each, with the sizes in which its members differ and the styles they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

Builder = Callable[..., nn.Module]
"""Its keywords are a kind's sizes and styles."""

Sizes = Mapping[str, int]
Style = str | bool | int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of network.

    Attributes:
        name: What tests call it.
        build: Makes a member of given sizes and styles, with torch's random generator.
        inputs: Makes random inputs that fit members of these sizes and of all larger ones.
        sizes: The dimensions in which members differ, each with the sizes it may have, the smallest first.
        styles: What all members of a family share, each with the values it may have.
    """

    name: str
    build: Builder
    inputs: Callable[[Sizes], tuple[torch.Tensor, ...]]
    sizes: Mapping[str, tuple[int, ...]]
    styles: Mapping[str, tuple[Style, ...]]


KINDS: dict[str, Kind] = {}
"""All kinds by name, filled as the modules of this room are loaded."""


def kind(
    inputs: Callable[[Sizes], tuple[torch.Tensor, ...]],
    *,
    sizes: Mapping[str, tuple[int, ...]],
    styles: Mapping[str, tuple[Style, ...]] | None = None,
) -> Callable[[Builder], Builder]:
    """Register a builder as the kind of its name."""

    def register(build: Builder) -> Builder:
        KINDS[build.__name__] = Kind(build.__name__, build, inputs, sizes, styles or {})
        return build

    return register


def features(_: Sizes) -> tuple[torch.Tensor]:
    """Rows of seven features."""
    return (torch.randn(3, 7),)


def image(_: Sizes) -> tuple[torch.Tensor]:
    """Small images of two channels."""
    return (torch.randn(3, 2, 8, 8),)


def series(_: Sizes) -> tuple[torch.Tensor]:
    """Time series of two channels, BCT."""
    return (torch.randn(3, 2, 10),)


def steps(_: Sizes) -> tuple[torch.Tensor]:
    """Time series of three features, BTC."""
    return (torch.randn(2, 5, 3),)


def volume(_: Sizes) -> tuple[torch.Tensor]:
    """Small volumes of two channels."""
    return (torch.randn(2, 2, 4, 4, 4),)


def tokens(sizes: Sizes) -> tuple[torch.Tensor]:
    """Sentences of six tokens out of the smallest vocabulary."""
    return (torch.randint(sizes.get("vocabulary", 11), (2, 6)),)


def two_sentences(sizes: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """A sentence to read and one to write, of different lengths."""
    vocabulary = sizes.get("vocabulary", 11)
    return torch.randint(vocabulary, (2, 6)), torch.randint(vocabulary, (2, 4))
