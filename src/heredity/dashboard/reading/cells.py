"""The cells of an architecture, as a picture of them needs them."""

from __future__ import annotations

from collections.abc import Mapping

from heredity.dashboard.reading.texts import value_text
from heredity.encoding import Json
from heredity.graph.cell_edges import cell_edges, cell_names

ARCHITECTURE = "architecture"
"""The entry of a checkpoint's metadata in which a search keeps what it has derived."""


def cell_facts(architecture: Mapping[str, Json]) -> list[Json]:
    """Each cell with its edges: ``{"name": ..., "edges": [[node, source, operator], ...]}``."""
    cells: list[Json] = []
    for name in cell_names(architecture):
        edges = sorted(cell_edges(architecture, name), key=lambda edge: edge[:2])
        if edges:
            shown: list[Json] = [[node, source, value_text(operator)] for node, source, operator in edges]
            cells.append({"name": name, "edges": shown})
    return cells
