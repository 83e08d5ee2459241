"""`heredity export` and `heredity import`: checkpoints as files that other programs read and write."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from heredity.cli.completing.names import NAME, PLACE
from heredity.cli.output import console, json_option, print_json, size_text
from heredity.cli.places import store_of
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.values import checkpoint_to_json
from heredity.encoding import Json, decode
from heredity.errors import InputError
from heredity.store.exchange import export_safetensors, read_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from heredity.store import Checkpoint

# Less than this is done within a second or so.
_SHOWN_FROM_BYTES = 500_000_000


@click.command(
    epilog=examples(
        "heredity export weights/ run-1/father --to father.safetensors",
        "heredity export runs/search/001 00042 --to best.pt --force",
    )
)
@click.argument("place", type=PLACE)
@click.argument("key", type=NAME)
@click.option("--to", "file", required=True, help="A new file, .safetensors or .pt.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@json_option
@quiet_option
def export(place: str, key: str, file: str, *, force: bool, as_json: bool) -> None:
    """Write a checkpoint as a .safetensors or .pt file.

    PLACE is a store's directory or URL, or an experiment's directory. KEY is a key in the store, or the name
    of a trial. The file appears when it is complete.
    """
    suffix = _suffix(file)
    store, keys = store_of(place)
    checkpoint = store[keys.get(key, key)]
    with _progress(f"writing {Path(file).name}", checkpoint.size_bytes, has_end=True) as on_bytes:
        path = _export(checkpoint, Path(file), suffix=suffix, replace=force, on_bytes=on_bytes)
    size_bytes = path.stat().st_size
    if as_json:
        num_tensors = len(checkpoint.tensor_names)
        print_json(
            {"key": checkpoint.key, "file": file, "num_tensors": num_tensors, "size_bytes": size_bytes}
        )
    elif not is_quiet():
        console().print(f"{checkpoint.key} → {file} ({size_text(size_bytes)})")


def _export(
    checkpoint: Checkpoint,
    path: Path,
    *,
    suffix: str,
    replace: bool,
    on_bytes: Callable[[int], object] | None,
) -> Path:
    if suffix == ".safetensors":
        return export_safetensors(checkpoint, path, replace=replace, on_bytes=on_bytes)
    from heredity.checkpoints import export_pt  # noqa: PLC0415  # torch takes seconds to load

    return export_pt(checkpoint, path, replace=replace, on_bytes=on_bytes)


@click.command(
    "import",
    epilog=examples(
        "heredity import weights/ father father.safetensors --score 0.91",
        "heredity import weights/ child child.pt --parent father --meta data=digits",
    ),
)
@click.argument("place", type=PLACE)
@click.argument("key")
@click.argument("file")
@click.option("--parent", "parents", multiple=True, help="A checkpoint or a trial it comes from; repeatable.")
@click.option("--score", type=float, help="How good it is.")
@click.option("--meta", multiple=True, metavar="NAME=VALUE", help="A fact to keep with it; repeatable.")
@click.option("--entry", help="Which entry of a .pt file is the state dict; others are left out.")
@json_option
@quiet_option
def import_(  # noqa: PLR0913  # what a checkpoint consists of
    place: str,
    key: str,
    file: str,
    *,
    parents: tuple[str, ...],
    score: float | None,
    meta: tuple[str, ...],
    entry: str | None,
    as_json: bool,
) -> None:
    """Put a .safetensors or .pt file into a store.

    PLACE is a store's directory or URL, or an experiment's directory. KEY is the checkpoint's new name. A
    VALUE is JSON if it can be, else text. Of a .pt file only tensors are read; nothing in it is run.
    """
    suffix = _suffix(file)
    if entry is not None and suffix == ".safetensors":
        raise InputError(f"{file}: a .safetensors file has no entries.", hint="Leave out --entry.")
    metadata = _metadata(meta)
    store, keys = store_of(place)
    path = Path(file)
    with _progress(f"reading {path.name}", path.stat().st_size if path.is_file() else 0, has_end=False):
        checkpoint = store.put(
            key,
            _read(path, suffix=suffix, entry=entry),
            parents=[keys.get(parent, parent) for parent in parents],
            score=score,
            metadata=metadata,
        )
    if as_json:
        print_json(checkpoint_to_json(checkpoint))
    elif not is_quiet():
        sizes = f"{size_text(checkpoint.size_bytes)}, of which {size_text(checkpoint.own_bytes)} are new"
        console().print(f"{file} → {checkpoint.key} ({sizes})")


def _read(path: Path, *, suffix: str, entry: str | None) -> Mapping[str, object]:
    if suffix == ".safetensors":
        return read_safetensors(path)
    from heredity.checkpoints import read_pt  # noqa: PLC0415  # torch takes seconds to load

    return read_pt(path, entry=entry)


def _suffix(file: str) -> str:
    suffix = Path(file).suffix
    if suffix not in {".safetensors", ".pt", ".pth"}:
        raise InputError(f"{file}: expected a name that ends with .safetensors, .pt or .pth.")
    return suffix


def _metadata(pairs: tuple[str, ...]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name or name in found:
            raise InputError(f"--meta {pair}: expected NAME=VALUE, each name once.")
        try:
            found[name] = decode(text.encode("utf-8"))
        except ValueError:
            found[name] = text
    return found


@contextmanager
def _progress(text: str, num_bytes: int, *, has_end: bool) -> Iterator[Callable[[int], object] | None]:
    """A bar for who waits at a terminal; where nobody can say how far it is, one that moves."""
    if is_quiet() or num_bytes < _SHOWN_FROM_BYTES or not sys.stderr.isatty():
        yield None
        return
    columns = [TextColumn("{task.description}", markup=False), BarColumn()]
    bar = Progress(
        *columns, *([DownloadColumn()] if has_end else []), console=Console(stderr=True), transient=True
    )
    with bar:
        task = bar.add_task(text, total=num_bytes if has_end else None)
        yield lambda size_bytes: bar.advance(task, size_bytes)
