"""Times of saving and loading: all sides take turns in one run, in another order each round."""

from __future__ import annotations

import gc
import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store_models import Arrays, Model, touch
from store_sides import SIDES, Heredity, Side, sync
from store_worker import Worker

if TYPE_CHECKING:
    from heredity.store import Checkpoint

Timed = Callable[[], object]
Prepare = Callable[[Path], Timed]
"""Given a fresh directory, makes everything ready and returns what shall be timed."""
Times = dict[str, list[float]]

SAVERS = (
    "safetensors",
    "safetensors, directory synced",
    "torch",
    "torch, directory synced",
    "torch, no CRC",
    "DCP",
)
LOADERS = ("safetensors", "torch", "torch, mmap", "DCP")
ORBAX = ("Orbax, OCDBT", "Orbax, files")


@dataclass(frozen=True, slots=True)
class Setting:
    """A model, where to save it, and the workers of the sides that run elsewhere."""

    model: Model
    folder: Path
    workers: Mapping[str, Worker]


def measure(
    actions: Mapping[str, Prepare],
    *,
    rounds: int,
    folder: Path,
    seed: int,
    settle: Callable[[], None] = os.sync,
) -> Times:
    """Seconds of each action in each round; the first round warms up and does not count."""
    times: Times = {name: [] for name in actions}
    for number in range(rounds + 1):
        order = list(actions)
        random.Random(f"{seed}-{number}").shuffle(order)
        for name in order:
            place = folder / "round"
            place.mkdir()
            timed = actions[name](place)
            gc.collect()
            settle()  # what was done before must not be paid for now
            begin = time.perf_counter()
            result = timed()
            seconds = time.perf_counter() - begin
            del result, timed
            shutil.rmtree(place)
            if number:
                times[name].append(seconds)
    return times


def savers(setting: Setting) -> dict[str, Prepare]:
    model = setting.model
    values = model.values(seed=0)
    ours = Heredity()
    father, child = ours.own(values), ours.own(model.child_of(values, seed=1))

    def cold(place: Path) -> Timed:
        ours.prepare(place / "store")
        store = ours.open(place / "store")
        return lambda: store.put("father", father)

    family = setting.folder / "family"
    ours.prepare(family)
    ours.open(family).put("father", father)
    number = iter(range(1 << 30))

    def of_father(arrays: Mapping[str, object], _place: Path) -> Timed:
        store, key = ours.open(family), f"child-{next(number)}"
        return lambda: store.put(key, arrays, parents=["father"])

    def with_side(side: Side, place: Path) -> Timed:
        arrays = side.own(values)
        return lambda: side.save(place / "model", arrays)

    def with_worker(worker: Worker, place: Path) -> Timed:
        return lambda: worker.ask("save", path=place / "model")

    raw = [array.reshape(-1).view("uint8").data for array in values.values()]
    actions: dict[str, Prepare] = {
        "heredity": cold,
        "heredity, 90 % unchanged": partial(of_father, child),
        "heredity, all unchanged": partial(of_father, father),
        "writev": lambda place: partial(_write_raw, place / "model", raw),
    }
    actions |= {name: partial(with_side, SIDES[name]()) for name in SAVERS}
    return actions | {name: partial(with_worker, worker) for name, worker in setting.workers.items()}


def _write_raw(path: Path, pieces: list[memoryview]) -> None:
    """The floor: nothing but the bytes, and both syncs."""
    with path.open("wb", buffering=0) as file:
        left = list(pieces)
        while left:
            taken = os.writev(file.fileno(), left[:1024])
            while left and taken >= left[0].nbytes:
                taken -= left.pop(0).nbytes
            if taken:
                left[0] = left[0][taken:]
    sync(path, and_directory=True)


def loaders(setting: Setting) -> dict[str, Prepare]:
    values = setting.model.values(seed=0)
    actions = _our_loaders(setting, values)
    for name in LOADERS:
        side, path = SIDES[name](), setting.folder / f"load-{name}"
        side.save(path, side.own(values))
        actions |= _loads(f"{name}: all", partial(side.load, path))
        if name in {"safetensors", "torch, mmap"}:
            actions |= _loads(f"{name}: a tenth", partial(side.load, path, setting.model.tenth))
    for name, worker in setting.workers.items():
        path = setting.folder / f"load-{name}"
        worker.ask("save", path=path)
        actions[f"{name}: all"] = _ready(partial(worker.ask, "load", path=path))
        # Its loads are in memory already, so that to touch them costs what it costs all.
    return actions


def _our_loaders(setting: Setting, values: Mapping[str, Any]) -> dict[str, Prepare]:  # Any: see Arrays
    path = setting.folder / "load-store"
    ours, tenth = Heredity(), setting.model.tenth
    ours.prepare(path)
    store = ours.open(path)
    store.put("father", ours.own(values))
    child = setting.model.child_of(values, seed=1)
    store.put("child", ours.own(child), parents=["father"])

    def opened(side: Heredity, key: str, use: Callable[[Checkpoint], object], _place: Path) -> Timed:
        store = side.open(path)
        return lambda: use(store[key])

    def load(checkpoint: Checkpoint) -> Arrays:
        return checkpoint.tensors(framework="torch")

    def load_tenth(checkpoint: Checkpoint) -> Arrays:
        return checkpoint.tensors(tenth, framework="torch")

    def and_touch(use: Callable[[Checkpoint], Arrays], checkpoint: Checkpoint) -> object:
        arrays = use(checkpoint)
        return arrays, touch(arrays)

    actions: dict[str, Prepare] = {}
    for label, side in {"": Heredity(verify="never"), ", verified": ours}.items():
        for what, key, use in [
            ("all", "father", load),
            ("a tenth", "father", load_tenth),
            ("child", "child", load),
        ]:
            actions[f"heredity{label}: {what}"] = partial(opened, side, key, use)
            actions[f"heredity{label}: {what}, touched"] = partial(opened, side, key, partial(and_touch, use))
    never = Heredity(verify="never")
    actions["heredity: all, opening the store too"] = _ready(partial(never.load, path))
    return actions


def _ready(timed: Timed) -> Prepare:
    return lambda _place: timed


def _loads(name: str, load: Callable[[], Mapping[str, Any]]) -> dict[str, Prepare]:  # Any: see Arrays
    def load_and_touch() -> object:
        arrays = load()
        return arrays, touch(arrays)

    return {name: _ready(load), f"{name}, touched": _ready(load_and_touch)}
