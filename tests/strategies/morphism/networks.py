"""A space of small networks, for the tests of network morphisms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heredity.space import Choice, Int, Repeat, Space
from heredity.strategies.morphism import Edits

BLOCKS = Space(
    {
        "blocks": Repeat(
            {
                "width": Int(4, 32),
                "kernel": Choice([1, 3, 5], ordered=True),
                "skip": Choice([False, True], ordered=True),
            },
            1,
            5,
        ),
        "activation": Choice(["relu", "gelu"]),
    }
)
NAMES = ("blocks", "blocks.width", "blocks.kernel", "blocks.skip")
GROWING = Edits(growing=NAMES)
BOTH_WAYS = Edits(growing=NAMES, shrinking=NAMES)


def network(*widths: int, kernel: int = 1, activation: str = "relu") -> dict[str, Any]:
    blocks = [{"width": width, "kernel": kernel, "skip": False} for width in widths]
    return {"blocks": blocks, "activation": activation}


def size(point: Mapping[str, Any]) -> float:
    """A merit that larger networks have more of."""
    return float(sum(block["width"] * block["kernel"] for block in point["blocks"]))
