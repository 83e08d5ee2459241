"""Memory that saving and loading take beyond the model, and what many processes with one checkpoint share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from store_worker import Worker

SAVERS = ("heredity", "safetensors", "torch", "DCP")
LOADERS = (
    "heredity",
    "heredity, unverified",
    "heredity, copying",
    "safetensors",
    "torch",
    "torch, mmap",
    "DCP",
)
SHARERS = ("heredity", "heredity, copying", "safetensors", "torch", "torch, mmap")
Pythons = Mapping[str, str]
"""The sides that need an interpreter of their own, and which."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes of one process above what it held before.

    Args:
        resident: Highest resident size, pages of mapped files included (VmHWM).
        anonymous: Highest size of what is no page of a file, as sampled from outside.
        kept: The same when all is done, while the result lives.
    """

    resident: int
    anonymous: int
    kept: int


def peak_of_saving(side: str, *, model: str, folder: Path, pythons: Pythons) -> Peak:
    with _worker(side, pythons) as worker:
        _warm_up(worker, folder / "warm")
        worker.ask("prepare", path=folder / "model")
        worker.ask("make", model=model)
        return _watch(worker, [{"do": "save", "path": folder / "model"}])


def peak_of_loading(side: str, *, model: str, folder: Path, pythons: Pythons) -> Peak:
    _save(side, model=model, path=folder / "model", pythons=pythons)
    with _worker(side, pythons) as worker:
        _warm_up(worker, folder / "warm")
        return _watch(worker, [{"do": "load", "path": folder / "model"}, {"do": "touch"}])


def shares(side: str, *, model: str, folder: Path, num_processes: int) -> list[dict[str, int]]:
    """Bytes that each of so many processes takes more, when all have loaded a model and touched all of it."""
    _save(side, model=model, path=folder / "model", pythons={})
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(side, {})) for _ in range(num_processes)]
        for number, worker in enumerate(workers):
            _warm_up(worker, folder / f"warm-{number}")
        before = [_rollup(worker.pid) for worker in workers]
        for worker in workers:
            worker.send("load", path=folder / "model")
        for worker in workers:
            worker.receive()
        for worker in workers:
            worker.ask("touch")
        after = [_rollup(worker.pid) for worker in workers]
    return [
        {name: new[name] - old[name] for name in ("Rss", "Pss", "Pss_Anon")}
        for old, new in zip(before, after, strict=True)
    ]


def _worker(side: str, pythons: Pythons) -> Worker:
    return Worker(side, python=pythons[side]) if side in pythons else Worker(side)


def _save(side: str, *, model: str, path: Path, pythons: Pythons) -> None:
    """In a process of its own, so that nothing of it remains in the one that loads."""
    with _worker(side, pythons) as worker:
        worker.ask("prepare", path=path)
        worker.ask("make", model=model)
        worker.ask("save", path=path)


def _warm_up(worker: Worker, path: Path) -> None:
    """Imports and caches are no part of what is measured."""
    worker.ask("prepare", path=path)
    worker.ask("make", model="tiny")
    worker.ask("save", path=path)
    worker.ask("load", path=path)
    worker.ask("touch")
    worker.ask("forget")


def _watch(worker: Worker, commands: Sequence[dict[str, object]]) -> Peak:
    # 5 sets the high-water mark back to what is resident now.
    Path(f"/proc/{worker.pid}/clear_refs").write_text("5")
    before = _status(worker.pid)
    highest = before["RssAnon"]
    for command in commands:
        worker.send(**command)  # type: ignore[arg-type]  # "do" is text
        while not worker.is_ready:
            highest = max(highest, _status(worker.pid)["RssAnon"])
        worker.receive()
    after = _status(worker.pid)
    return Peak(
        resident=after["VmHWM"] - before["VmHWM"],
        anonymous=max(highest, after["RssAnon"]) - before["RssAnon"],
        kept=after["RssAnon"] - before["RssAnon"],
    )


def _status(pid: int) -> dict[str, int]:
    return _sizes(Path(f"/proc/{pid}/status"))


def _rollup(pid: int) -> dict[str, int]:
    return _sizes(Path(f"/proc/{pid}/smaps_rollup"))


def _sizes(path: Path) -> dict[str, int]:
    """Lines such as ``Pss:   12 kB``, in bytes."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0].removesuffix(":"): int(row[1]) * 1024 for row in rows if len(row) == 3 and row[2] == "kB"}
