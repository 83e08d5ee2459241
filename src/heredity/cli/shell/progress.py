"""What is said of work that takes a while: on standard error, where somebody watches, and not at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from heredity.cli.shell.options import is_quiet

DELAY_SECONDS = 0.5
"""What is done by then needs no words."""

Advance = Callable[[int, int], None]
"""Told how many are done, and of how many."""


class _Share(ProgressColumn):
    """How many of how many; nothing where it is not known."""

    def render(self, task: Task) -> Text:
        """The numbers of one task."""
        return Text("" if task.total is None else f"{task.completed:,.0f} of {task.total:,.0f}")


@contextmanager
def waiting(what: str) -> Iterator[Advance]:
    """Show what is being done while the block runs, and for how long.

    Args:
        what: In the words of whoever waits, such as ``reading runs/search/001``.

    Yields:
        What may be told of the progress, from any thread.
    """
    screen = Console(stderr=True)
    if is_quiet() or not screen.is_interactive:
        yield lambda _done, _total: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), _Share(), TimeElapsedColumn())
    progress = Progress(*columns, console=screen, transient=True)
    task = progress.add_task(what, total=None)
    timer = threading.Timer(DELAY_SECONDS, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: progress.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        progress.stop()
