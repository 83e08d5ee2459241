"""Pairs from `transformers`: a family is a model, a small configuration, and what larger members change."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from transfer_families_measure import Entry

Options = Mapping[str, Any]  # Any: the keyword arguments of a configuration
VOCABULARY = 40


@dataclass(frozen=True, slots=True)
class Family:
    """One model of `transformers`.

    Attributes:
        model: The class of the model.
        config: The class of its configuration.
        reads: ``"image"``, ``"words"``, ``"words and words"``, ``"sound"`` or ``"spectrum and words"``.
        small: The configuration of the smaller member.
        changes: What is different in larger members, by what one calls it.
        options: Keyword arguments of each call.
    """

    model: str
    config: str
    reads: str
    small: Options
    changes: Mapping[str, Options]
    options: Options = field(default_factory=dict)


class _FirstOutput(nn.Module):
    """A model as a module of tensors: inputs by position, and the first output alone."""

    def __init__(self, model: nn.Module, names: tuple[str, ...], options: Options) -> None:
        super().__init__()
        self.model = model
        self.names = names
        self.options = options

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        named = dict(zip(self.names, inputs, strict=True))
        result: torch.Tensor = self.model(**named, **self.options)[0]
        return result


_NAMES = {
    "image": ("pixel_values",),
    "words": ("input_ids",),
    "words and words": ("input_ids", "decoder_input_ids"),
    "sound": ("input_values",),
    "spectrum and words": ("input_features", "decoder_input_ids"),
}


def entries() -> Iterator[Entry]:
    """All pairs; none if `transformers` is not installed."""
    if importlib.util.find_spec("transformers") is None:
        return
    from transfer_families_hf_language import LANGUAGE
    from transfer_families_hf_vision import VISION

    for name, family in {**VISION, **LANGUAGE}.items():
        for change, options in family.changes.items():
            yield Entry(
                "transformers",
                name,
                change,
                functools.partial(_made, family, family.small),
                functools.partial(_made, family, {**family.small, **options}),
                functools.partial(_inputs, family.reads),
            )


def _made(family: Family, options: Options) -> nn.Module:
    transformers = importlib.import_module("transformers")
    config = getattr(transformers, family.config)(**options)
    model = getattr(transformers, family.model)(config)
    return _FirstOutput(model, _NAMES[family.reads], family.options)


def _inputs(reads: str) -> tuple[torch.Tensor, ...]:
    def words(length: int) -> torch.Tensor:
        # The first few ids of a vocabulary have a meaning in some models: padding, beginning, end.
        return torch.randint(5, VOCABULARY, (2, length))

    if reads == "image":
        return (torch.randn(2, 3, 32, 32),)
    if reads == "words":
        return (words(8),)
    if reads == "words and words":
        return words(8), words(6)
    if reads == "sound":
        return (torch.randn(2, 800),)
    return torch.randn(2, 8, 40), words(6)
