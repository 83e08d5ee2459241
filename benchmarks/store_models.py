"""The models that the store's benchmarks save and load: names and shapes by code, values by a seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]
Arrays = dict[str, Any]  # of numpy, torch or jax: each side takes and gives its own
NEW_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Model:
    """A list of fp32 tensors."""

    title: str
    shapes: Shapes

    @property
    def size_bytes(self) -> int:
        return 4 * sum(map(math.prod, self.shapes.values()))

    @property
    def tenth(self) -> list[str]:
        """Every tenth name."""
        return list(self.shapes)[::10]

    @property
    def new_names(self) -> list[str]:
        """Those that a child trains anew: from the back, while they fit into 10 % of the bytes."""
        left, found = NEW_SHARE * self.size_bytes, []
        for name, shape in reversed(list(self.shapes.items())):
            if 4 * math.prod(shape) <= left:
                left -= 4 * math.prod(shape)
                found.append(name)
        return found

    def values(self, *, seed: int) -> Arrays:
        random = np.random.default_rng(seed)
        return {name: random.random(shape, dtype=np.float32) for name, shape in self.shapes.items()}

    def child_of(self, father: Mapping[str, Any], *, seed: int) -> Arrays:  # Any: see Arrays
        random = np.random.default_rng(seed)
        new = {name: random.random(self.shapes[name], dtype=np.float32) for name in self.new_names}
        return {name: new.get(name, value) for name, value in father.items()}


def resnet50() -> dict[str, tuple[int, ...]]:
    """The 161 parameters of ResNet-50 (He et al. 2016; no buffers), 25,557,032 numbers."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), **_norm("bn1", 64)}
    came = 64
    for stage, num_blocks in enumerate((3, 4, 6, 3), start=1):
        inner = 32 << stage
        for block in range(num_blocks):
            prefix = f"layer{stage}.{block}"
            convolutions = [(inner, came, 1, 1), (inner, inner, 3, 3), (4 * inner, inner, 1, 1)]
            for number, shape in enumerate(convolutions, start=1):
                shapes[f"{prefix}.conv{number}.weight"] = shape
                shapes |= _norm(f"{prefix}.bn{number}", shape[0])
            if block == 0:
                shapes[f"{prefix}.downsample.0.weight"] = (4 * inner, came, 1, 1)
                shapes |= _norm(f"{prefix}.downsample.1", 4 * inner)
            came = 4 * inner
    return {**shapes, "fc.weight": (1000, came), "fc.bias": (1000,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def layers(num_layers: int, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """A plain stack of layers, each of a weight and a bias."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number in range(num_layers):
        shapes[f"layers.{number}.weight"] = shape
        shapes[f"layers.{number}.bias"] = shape[:1]
    return shapes


MODELS: dict[str, Model] = {
    "big": Model("big: ResNet-50's parameters", resnet50()),
    "small": Model("small: 100 layers of 49 × 49", layers(100, (49, 49))),
    # For many processes at once: 64 layers of 4 M numbers each, 1.07 GB.
    "huge": Model("huge: 64 layers of 2048 × 2048", layers(64, (2048, 2048))),
    "tiny": Model("tiny: for tests of the benchmark itself", layers(10, (256, 256))),
}


def touch(arrays: Mapping[str, Any], names: Sequence[str] | None = None) -> float:  # Any: see Arrays
    """Read one number of every page, so that what was mapped lazily is really there."""
    wanted = arrays if names is None else names
    return float(sum(np.asarray(arrays[name]).reshape(-1)[::1024].sum() for name in wanted))
