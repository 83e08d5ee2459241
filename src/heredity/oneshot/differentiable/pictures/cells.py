"""A cell as a graph: its text in the language of Graphviz, and the picture if Graphviz is there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from heredity.errors import ConfigError, InputError
from heredity.graph.cell_edges import cell_edges, cell_names
from heredity.oneshot.walking import Architecture

PictureFormat = Literal["svg", "png"]


def cell_dot(architecture: Architecture, cell: str, *, num_inputs: int = 2) -> str:
    """Describe a cell in Graphviz's language; needs nothing else.

    Args:
        architecture: The architecture that the cell belongs to.
        cell: The label that the cell was made with.
        num_inputs: How many inputs it has.

    Raises:
        InputError: The architecture has no such cell.
    """
    edges = sorted(cell_edges(architecture, cell))
    if not edges:
        cells = cell_names(architecture)
        raise InputError(
            f"cell {cell!r}: the architecture has no such cell, but {', '.join(cells) or 'none at all'}."
        )
    lines = [
        "rankdir=LR; bgcolor=white; nodesep=0.35; ranksep=0.6;",
        'node [shape=box, style="rounded,filled", fillcolor="#dce9f5", color="#5b7f9f", fontname=Helvetica];',
        'edge [color="#4a4a4a", fontname=Helvetica, fontsize=11];',
    ]
    lines += [
        f'v{source} [label="{_input_name(source, num_inputs)}", fillcolor="#e3f1dc", color="#6f9a5b"];'
        for source in range(num_inputs)
    ]
    nodes = sorted({node for node, _, _ in edges})
    lines += [f'v{num_inputs + node} [label="{node}"];' for node in nodes]
    lines.append('out [label="output", fillcolor="#f7e7cf", color="#b08a4f"];')
    lines += [
        f'v{source} -> v{num_inputs + node} [label="{_quoted(operator)}"];'
        for node, source, operator in edges
    ]
    lines += [f"v{num_inputs + node} -> out [style=dashed];" for node in nodes]
    return "\n".join([f'digraph "{_quoted(cell)}" {{', *(f"  {line}" for line in lines), "}", ""])


def draw_cell(architecture: Architecture, cell: str, *, path: Path, num_inputs: int = 2) -> Path:
    """Draw a cell.

    Args:
        architecture: The architecture that the cell belongs to.
        cell: The label that the cell was made with.
        path: Where to; ends with ``.svg`` or ``.png``.
        num_inputs: How many inputs the cell has.

    Returns:
        The path.

    Raises:
        ConfigError: The package or the program of Graphviz is missing.
        InputError: The architecture has no such cell, or the path has another ending.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in {"svg", "png"}:
        raise InputError(f"{path}: expected a name that ends with .svg or .png.")
    text = cell_dot(architecture, cell, num_inputs=num_inputs)
    try:
        import graphviz  # noqa: PLC0415  # optional
    except ImportError as error:
        raise ConfigError(
            "drawing a cell needs the package graphviz.",
            hint="pip install 'heredity[pictures]', or give the text of `cell_dot` to what reads it.",
        ) from error
    try:
        picture: bytes = graphviz.Source(text).pipe(format=kind)
    except graphviz.ExecutableNotFound as error:
        raise ConfigError(
            "drawing a cell needs Graphviz's program `dot`.",
            hint="apt-get install graphviz, or give the text of `cell_dot` to any program that reads it.",
        ) from error
    path.write_bytes(picture)
    return path


def _input_name(source: int, num_inputs: int) -> str:
    # The cells before: the last input is the previous one.
    return f"cell k-{num_inputs - source}"


def _quoted(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"')
