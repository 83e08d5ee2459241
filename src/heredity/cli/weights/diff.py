"""`heredity diff`: which tensors two checkpoints share, which changed, which are new."""

from __future__ import annotations

from dataclasses import dataclass

import click
from rich.text import Text

from heredity.cli.completing.names import NAME, PLACE
from heredity.cli.output import add_row, console, json_option, print_json, size_text, table
from heredity.cli.places import store_of
from heredity.cli.shell.options import examples, quiet_option
from heredity.encoding import Json
from heredity.store import Checkpoint

_STYLES = {"shared": "green", "changed": "yellow", "reshaped": "yellow", "new": "cyan", "gone": "red"}


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor's name in two checkpoints."""

    name: str
    status: str
    """``shared`` (equal content), ``changed``, ``reshaped``, ``new`` (only in the second), ``gone``."""
    before: str
    after: str
    size_bytes: int


@click.command(epilog=examples("heredity diff weights/ run-1/father run-1/child"))
@click.argument("place", type=PLACE)
@click.argument("before", type=NAME)
@click.argument("after", type=NAME)
@json_option
@quiet_option
def diff(place: str, before: str, after: str, *, as_json: bool) -> None:
    """Compare the tensors of two checkpoints.

    PLACE is a store's directory or URL, or an experiment's directory. BEFORE and AFTER are keys in the store,
    or names of trials. Tensors are compared by the digests of their content; none is read.
    """
    store, keys = store_of(place)
    first, second = store[keys.get(before, before)], store[keys.get(after, after)]
    differences = compare(first, second)
    totals = {status: [d for d in differences if d.status == status] for status in _STYLES}
    if as_json:
        rows: list[Json] = [
            {"tensor": d.name, "status": d.status, "before": d.before, "after": d.after} for d in differences
        ]
        print_json({"tensors": rows, "totals": {status: len(found) for status, found in totals.items()}})
        return
    screen = console()
    shown = table("tensor~", "status", f"{first.key}~", f"{second.key}~")
    for difference in differences:
        status = Text(difference.status, style=_STYLES[difference.status])
        add_row(shown, difference.name, status, difference.before, difference.after)
    screen.print(shown)
    parts = [
        f"{len(found)} {status} ({size_text(sum(d.size_bytes for d in found))})"
        for status, found in totals.items()
        if found
    ]
    screen.print(", ".join(parts) or "both are empty")


def compare(before: Checkpoint, after: Checkpoint) -> list[TensorDifference]:
    """Compare two checkpoints name by name, in the order of the second, then what only the first has."""
    first, second = before.manifest.tensors, after.manifest.tensors
    return [
        _difference(before, after, name)
        for name in [*second, *(name for name in first if name not in second)]
    ]


def _difference(before: Checkpoint, after: Checkpoint, name: str) -> TensorDifference:
    first, second = before.manifest.tensors.get(name), after.manifest.tensors.get(name)
    if first is None or second is None:
        only = first or second
        assert only is not None  # noqa: S101  # the name came from one of the two
        form = _form(only.dtype, only.shape)
        status = "new" if first is None else "gone"
        return TensorDifference(
            name, status, "–" if first is None else form, form if first is None else "–", only.size_bytes
        )
    before_form, after_form = _form(first.dtype, first.shape), _form(second.dtype, second.shape)
    status = "shared" if first.digest == second.digest else "changed"
    if before_form != after_form:
        status = "reshaped"
    return TensorDifference(name, status, before_form, after_form, second.size_bytes)


def _form(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} {' × '.join(map(str, shape)) or 'scalar'}"
