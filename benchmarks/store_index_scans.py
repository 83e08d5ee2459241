"""The questions to the store's index, answered without one: by walking over everything, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from heredity.ids import CheckpointKey
from heredity.store import Lineage
from heredity.store.files.fingerprints import Fingerprints

LIMIT = 10


class Scans:
    """The same questions, answered by walking over everything, in memory."""

    def __init__(self, lineages: Sequence[Lineage], prints: Sequence[Fingerprints]) -> None:
        self.lineages = lineages
        self.layers = [each.layers for each in prints]
        self.numbers = numbers_of(self.layers)
        self.columns = np.ascontiguousarray(self.numbers.T)
        self.scores = np.array([lineage.score for lineage in self.lineages])
        self.parents = {lineage.key: lineage.parents for lineage in self.lineages}
        self.children: dict[CheckpointKey, list[CheckpointKey]] = {}
        for lineage in self.lineages:
            for parent in lineage.parents:
                self.children.setdefault(parent, []).append(lineage.key)

    def ancestors(self, key: CheckpointKey) -> list[CheckpointKey]:
        return walk(key, lambda each: self.parents.get(each, ()))

    def descendants(self, key: CheckpointKey) -> list[CheckpointKey]:
        return walk(key, lambda each: self.children.get(each, ()))

    def best(self, depth: int) -> list[CheckpointKey]:
        found = [each for each in self.lineages if each.metadata.get("depth") == depth]
        return [each.key for each in sorted(found, key=lambda each: -(each.score or 0))[:LIMIT]]

    def find_by_loop(self, asked: Fingerprints) -> list[CheckpointKey]:
        def common(layers: tuple[str, ...]) -> int:
            for number, (one, other) in enumerate(zip(layers, asked.layers, strict=True)):
                if one != other:
                    return number
            return len(layers)

        return self.top(np.array([common(layers) for layers in self.layers]))

    def find_by_matrix(self, asked: Fingerprints) -> list[CheckpointKey]:
        equal = self.numbers == numbers_of([asked.layers])
        return self.top(np.logical_and.accumulate(equal, axis=1).sum(axis=1))

    def find_by_columns(self, asked: Fingerprints) -> list[CheckpointKey]:
        common = np.zeros(len(self.lineages), dtype=np.int64)
        left = np.arange(len(self.lineages))
        for column, wanted in zip(self.columns, numbers_of([asked.layers])[0], strict=True):
            left = left[column[left] == wanted]
            if not len(left):
                break
            common[left] += 1
        return self.top(common)

    def top(self, common: np.ndarray[Any, Any]) -> list[CheckpointKey]:
        # A score is below 1, so that it only decides among equals.
        ranks = common + self.scores
        few = np.argpartition(-ranks, LIMIT)[:LIMIT]
        order = few[np.argsort(-ranks[few])]
        return [self.lineages[number].key for number in order if common[number]]


def numbers_of(layers: list[tuple[str, ...]]) -> np.ndarray[Any, Any]:
    return np.array([[int(name, 16) for name in each] for each in layers], dtype=np.uint64)


def walk(start: CheckpointKey, neighbours: Callable[[CheckpointKey], Any]) -> list[CheckpointKey]:
    found: dict[CheckpointKey, None] = {start: None}
    pending = deque([start])
    while pending:
        for key in neighbours(pending.popleft()):
            if key not in found:
                found[key] = None
                pending.append(key)
    return list(found)[1:]
