"""Graphs read back from JSON: whatever was stored is checked before it is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from heredity.errors import CorruptData, InputError, UnsupportedFormat
from heredity.graph.module_graph import Argument, Batch, Graph, Kind, Node, Ref

if TYPE_CHECKING:
    from heredity.encoding import Json

FORMAT = 1


def graph_from_json(value: Json) -> Graph:
    """Read a graph that `Graph.to_json` wrote.

    Raises:
        UnsupportedFormat: A newer version wrote it.
        CorruptData: It is not a graph; the message says where.
    """
    fields = _object(value, where="graph")
    version = _integer(fields.get("format"), where="graph.format")
    if version > FORMAT:
        raise UnsupportedFormat(
            f"Graph: format {version}, this version reads up to {FORMAT}.",
            hint="Update heredity to read it.",
        )
    nodes = tuple(
        _node(node, where=f"graph.nodes[{i}]")
        for i, node in enumerate(_list(fields.get("nodes"), where="graph.nodes"))
    )
    tied = _object(fields.get("tied"), where="graph.tied")
    try:
        return Graph(
            nodes=nodes,
            tied={alias: _text(name, where=f"graph.tied.{alias}") for alias, name in tied.items()},
            keywords=_texts(fields.get("keywords"), where="graph.keywords"),
            is_alike_in_training=_flag(
                fields.get("is_alike_in_training"), where="graph.is_alike_in_training"
            ),
            dropout_rates=_numbers(fields.get("dropout_rates", []), where="graph.dropout_rates"),
            values=_values(fields.get("values", {})),
            batch=_batch(fields.get("batch")),
        )
    except InputError as error:
        raise CorruptData(error.message) from error


def _values(value: Json) -> dict[str, str]:
    values = _object(value, where="graph.values")
    return {digest: _text(data, where=f"graph.values.{digest}") for digest, data in values.items()}


def _batch(value: Json) -> Batch | None:
    if value is None:
        return None
    fields = _object(value, where="graph.batch")
    stand_in, example = (_integer(fields.get(name), where="graph.batch") for name in ("stand_in", "example"))
    if stand_in < 1 or example < 0:
        raise CorruptData("graph.batch: a size is not positive.")
    return Batch(stand_in, example)


def _node(value: Json, *, where: str) -> Node:
    fields = _object(value, where=where)
    kind = _text(fields.get("kind"), where=f"{where}.kind")
    if kind not in set(Kind):
        raise CorruptData(f"{where}.kind: {kind!r} is not a kind of node.")
    arguments = _object(fields.get("arguments", {}), where=f"{where}.arguments")
    shape = fields.get("shape")
    return Node(
        name=_text(fields.get("name"), where=f"{where}.name"),
        kind=Kind(kind),
        target=_text(fields.get("target", ""), where=f"{where}.target"),
        arguments={name: _argument(part, where=f"{where}.{name}") for name, part in arguments.items()},
        shape=None if shape is None else _shape(shape, where=f"{where}.shape"),
        dtype=_text(fields.get("dtype", ""), where=f"{where}.dtype"),
        tensor=_text(fields.get("tensor", ""), where=f"{where}.tensor"),
        value_digest=_text(fields.get("value_digest", ""), where=f"{where}.value_digest"),
        is_random=_flag(fields.get("is_random", False), where=f"{where}.is_random"),
    )


def _argument(value: Json, *, where: str) -> Argument:
    if isinstance(value, Mapping):
        return _special_argument(value, where=where)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_argument(part, where=where) for part in value)
    return value


def _special_argument(value: Mapping[str, Json], *, where: str) -> Argument:
    match dict(value):
        case {"node": str(name)}:
            return Ref(name)
        case {"float": "inf" | "-inf" | "nan" as text}:
            return float(text)
        case _:
            raise CorruptData(f"{where}: expected a value or a reference, got {dict(value)!r}.")


def _object(value: Json, *, where: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise CorruptData(f"{where}: expected an object, got {value!r:.80}.")
    return value


def _list(value: Json, *, where: str) -> Sequence[Json]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise CorruptData(f"{where}: expected a list, got {value!r:.80}.")
    return value


def _text(value: Json, *, where: str) -> str:
    if not isinstance(value, str):
        raise CorruptData(f"{where}: expected a text, got {value!r:.80}.")
    return value


def _integer(value: Json, *, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise CorruptData(f"{where}: expected an integer, got {value!r:.80}.")
    return value


def _texts(value: Json, *, where: str) -> tuple[str, ...]:
    return tuple(_text(each, where=where) for each in _list(value, where=where))


def _numbers(value: Json, *, where: str) -> tuple[float, ...]:
    found = []
    for each in _list(value, where=where):
        if not isinstance(each, int | float) or isinstance(each, bool):
            raise CorruptData(f"{where}: expected a number, got {each!r:.80}.")
        found.append(float(each))
    return tuple(found)


def _shape(value: Json, *, where: str) -> tuple[int, ...]:
    sizes = tuple(_integer(size, where=where) for size in _list(value, where=where))
    if any(size < 0 for size in sizes):
        raise CorruptData(f"{where}: a size is negative.")
    return sizes


def _flag(value: Json, *, where: str) -> bool:
    if not isinstance(value, bool):
        raise CorruptData(f"{where}: expected true or false, got {value!r:.80}.")
    return value
