"""What the checkpoints of a store take on the disk, and which of them cannot be read."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from heredity.cli.output import add_row, console, print_json, program, size_text, table
from heredity.cli.shell.progress import waiting
from heredity.store import Store


def print_sizes(store: Store, *, prefix: str, as_json: bool) -> None:
    """Print a line for each checkpoint: bytes of its own, shared ones, and what dropping it would free."""
    with waiting("adding up"):
        sizes = store.sizes()
    keys = [checkpoint.key for checkpoint in store.checkpoints(prefix) if checkpoint.key in sizes]
    if as_json:
        print_json([{"key": key, **asdict(sizes[key])} for key in keys])
        say_what_is_damaged(store, to_stderr=True)
        return
    rows = table("checkpoint~", "loaded>", "own>", "shared>", "dropping frees>")
    for key in keys:
        size = sizes[key]
        numbers = (size.size_bytes, size.own_bytes, size.shared_bytes, size.freed_bytes)
        add_row(rows, key, *map(size_text, numbers))
    screen = console()
    screen.print(rows)
    loaded = sum(sizes[key].size_bytes for key in keys)
    own = sum(sizes[key].own_bytes for key in keys)
    text = f"{len(keys)} checkpoints, {size_text(loaded)} when loaded, {size_text(own)} in files of their own"
    screen.print(Text(text, style="bold"), soft_wrap=True)
    say_what_is_damaged(store, to_stderr=False)


def say_what_is_damaged(store: Store, *, to_stderr: bool) -> None:
    """Print a warning if the list is shorter than the store; beside JSON, where no program reads it."""
    damaged = store.damaged()
    if damaged:
        names = ", ".join(each.key for each in damaged[:3])
        text = f"{len(damaged)} not listed, since they cannot be read: {names}; see {program()} verify"
        screen = Console(stderr=True) if to_stderr else console()
        screen.print(Text(text, style="yellow"), soft_wrap=True)
