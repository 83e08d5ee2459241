"""The cells of an architecture as edges, read off the labels of its choices: ``cell/node/source``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from heredity.encoding import Json

_EDGE = re.compile(r"(.+)/(\d+)/(\d+)")


def cell_names(architecture: Mapping[str, Json]) -> list[str]:
    """The labels of the cells, sorted; none where it is no architecture of cells."""
    return sorted({match[1] for label in architecture if (match := _EDGE.fullmatch(label))})


def cell_edges(architecture: Mapping[str, Json], cell: str) -> Iterator[tuple[int, int, Json]]:
    """Node, source and operator of each edge that is in use."""
    for label, operator in architecture.items():
        match = _EDGE.fullmatch(label)
        if match is None or match[1] != cell:
            continue
        node, source = int(match[2]), int(match[3])
        chosen = architecture.get(f"{cell}/{node}/inputs")
        if not isinstance(chosen, list | tuple) or source in chosen:
            yield node, source, operator
