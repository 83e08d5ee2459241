"""The store's index: seconds to open a store, milliseconds a query, against scans in memory.

* Real files: checkpoints of 200 tensors each, saved by `Store.put` on the local disk; each child has changed
  a tenth of its parent's tensors.
* Queries at 1,000, 10,000 and 100,000 checkpoints of 50 layers each. The rows are written straight into the
  index's file: saving 100,000 checkpoints would measure the disk.
* The same queries without an index, in memory, as if all headers had been read: lineage in dicts, the best by
  a walk over all metadata, and relatives in the manner of EvoStore (N. Underwood et al., HPDC 2024), which
  compares the flattened layers of every model with those of the one that is asked for. That comparison in
  three ways: a loop in Python, numpy over all layers, and numpy layer by layer over what still agrees.

Usage: ``python benchmarks/store_index.py --files 10000 --rounds 5 > benchmarks/results/NAME.md``
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from store_index_scans import LIMIT, Scans

from heredity.ids import CheckpointKey
from heredity.store import Lineage, Store, open_store
from heredity.store.files.fingerprints import Fingerprints
from heredity.store.index import Index, View
from heredity.store.index.database import Database
from heredity.store.index.rows import FILE, Row
from heredity.store.index.writing import Changes, write

NUM_LAYERS = 50
NUM_TENSORS = 200
POPULATION = 100
NUM_QUESTIONS = 40
SIZES = (1_000, 10_000, 100_000)
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Evolution:
    """A search by evolution: each trial descends from one of the last hundred, and differs behind some layer.

    All begin with the same two layers, as networks for one data set often do.
    """

    def __init__(self, num: int) -> None:
        self.random = random.Random(0)
        stem = [self.name(), self.name()]
        self.lineages: list[Lineage] = []
        self.prints: list[Fingerprints] = []
        for number in range(num):
            parent = self.random.randrange(max(0, number - POPULATION), number) if number >= 10 else None
            self.prints.append(self.mutated(self.prints[parent]) if parent is not None else self.fresh(stem))
            self.lineages.append(self.lineage(number, parent))

    def name(self) -> str:
        return f"{self.random.getrandbits(64):016x}"

    def fresh(self, stem: list[str]) -> Fingerprints:
        return Fingerprints(self.name(), (*stem, *(self.name() for _ in range(NUM_LAYERS - len(stem)))))

    def mutated(self, prints: Fingerprints) -> Fingerprints:
        kept = self.random.randrange(2, NUM_LAYERS)
        outline = prints.outline if self.random.random() < 0.5 else self.name()
        return Fingerprints(
            outline, (*prints.layers[:kept], *(self.name() for _ in range(NUM_LAYERS - kept)))
        )

    def lineage(self, number: int, parent: int | None) -> Lineage:
        return Lineage(
            key=key_of(number),
            nonce=self.name(),
            parents=() if parent is None else (key_of(parent),),
            score=self.random.random(),
            created=BEGIN + dt.timedelta(seconds=number),
            metadata={"depth": self.random.randrange(10), "optimizer": self.random.choice(["sgd", "adam"])},
        )

    def rows(self) -> list[Row]:
        return [
            Row(
                lineage.key,
                FILE,
                lineage,
                size_bytes=1000,
                file_bytes=1000,
                draws=dict.fromkeys((lineage.key, *lineage.parents), 500),
                fingerprints=prints,
            )
            for lineage, prints in zip(self.lineages, self.prints, strict=True)
        ]


def key_of(number: int) -> CheckpointKey:
    return CheckpointKey(f"run-{number % 20}/{number:06}")


Question = tuple[str, str, Callable[[Any], object], list[Any]]


def questions(view: View, scans: Scans, evolution: Evolution) -> Iterator[Question]:
    """What is asked, who answers, how, and about what."""
    num = len(evolution.lineages)
    rng = random.Random(1)
    young = [key_of(number) for number in rng.sample(range(num * 3 // 4, num), NUM_QUESTIONS)]
    middle = [key_of(number) for number in rng.sample(range(num // 2, num * 3 // 4), NUM_QUESTIONS)]
    depths = [rng.randrange(10) for _ in range(NUM_QUESTIONS)]
    children = [evolution.mutated(rng.choice(evolution.prints[-num // 2 :])) for _ in range(NUM_QUESTIONS)]
    stem = list(evolution.prints[0].layers[:2])
    far = [evolution.fresh(stem) for _ in range(NUM_QUESTIONS)]
    strangers = [evolution.fresh([]) for _ in range(NUM_QUESTIONS)]
    yield "ancestors", "index", view.ancestors, young
    yield "ancestors", "dicts", scans.ancestors, young
    yield "descendants", "index", view.descendants, middle
    yield "descendants", "dicts", scans.descendants, middle
    yield "best ten of a depth", "index", lambda n: view.best({"depth": n}, limit=LIMIT), depths
    yield "best ten of a depth", "walk in Python", scans.best, depths
    yield (
        "best of a run and a depth",
        "index",
        lambda n: view.best({"depth": n, "optimizer": "sgd"}, prefix=f"run-{n}/"),
        depths,
    )
    for name, asked in [("a child", children), ("only the stem", far), ("nothing", strangers)]:
        what = f"ten nearest, {name} in common" if name != "a child" else "ten nearest, of a new child"
        yield what, "index", partial(view.find, limit=LIMIT), asked
        yield what, "scan, loop in Python", scans.find_by_loop, asked
        yield what, "scan, numpy, all layers", scans.find_by_matrix, asked
        yield what, "scan, numpy, layer by layer", scans.find_by_columns, asked


def check(view: View, scans: Scans, evolution: Evolution) -> None:
    """All ways must give the same answers, or their times mean nothing."""
    asked = evolution.mutated(evolution.prints[-1])
    expected = scans.find_by_loop(asked)
    assert scans.find_by_matrix(asked) == scans.find_by_columns(asked) == expected
    assert [match.lineage.key for match in view.find(asked, limit=LIMIT)] == expected
    assert [each.key for each in view.best({"depth": 3}, limit=LIMIT)] == scans.best(3)
    middle = key_of(len(evolution.lineages) // 2)
    assert {each.key for each in view.descendants(middle)} == set(scans.descendants(middle))
    assert [each.key for each in view.ancestors(middle)] == scans.ancestors(middle)


def milliseconds(answer: Callable[[Any], object], arguments: list[Any]) -> float:
    """The median over the questions."""
    times = []
    for argument in arguments:
        begin = time.perf_counter()
        answer(argument)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


Times = dict[tuple[str, str], dict[int, list[float]]]


def report_queries(sizes: tuple[int, ...], num_rounds: int) -> None:
    results: Times = {}
    for num in sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure_queries(Evolution(num), Path(folder), num_rounds, results)
    print(f"\nMilliseconds a query: median of {NUM_QUESTIONS} questions, over {num_rounds} rounds.\n")
    print(f"| query | by | {' | '.join(f'{num:,}' for num in sizes)} |")
    print("|---|---|" + "---|" * len(sizes))
    for (what, who), by_size in results.items():
        print(f"| {what} | {who} | {' | '.join(spread(by_size[num]) for num in sizes)} |")
    print_ratios(results, sizes)


def num_answers(view: View, evolution: Evolution, ask: Callable[[View], Callable[[Any], Any]]) -> float:
    num = len(evolution.lineages)
    keys = [key_of(number) for number in random.Random(1).sample(range(num // 2, num), NUM_QUESTIONS)]
    return statistics.mean(len(ask(view)(key)) for key in keys)


def measure_queries(evolution: Evolution, folder: Path, num_rounds: int, results: Times) -> None:
    num, rows = len(evolution.lineages), evolution.rows()
    database = Database(folder, identity="benchmark")
    generation, _ = database.run(lambda _: None)

    def fill() -> None:
        for start in range(0, num, 5000):
            changes = Changes(rows=rows[start : start + 5000])
            database.run(partial(write, changes=changes), generation=generation)

    seconds = seconds_of(fill)
    begin = time.perf_counter()
    scans = Scans(evolution.lineages, evolution.prints)
    seconds_scans = time.perf_counter() - begin
    view = View(database, lambda: generation)
    check(view, scans, evolution)
    asked = list(questions(view, scans, evolution))
    for _ in range(num_rounds):
        for what, who, answer, arguments in asked:
            times = results.setdefault((what, who), {}).setdefault(num, [])
            times.append(milliseconds(answer, arguments))
    print(
        f"* {num:,} checkpoints: {seconds:.2f} s to write them into an empty index, which then has "
        f"{database.path.stat().st_size / 1e6:.0f} MB; {seconds_of(view.checkpoints):.2f} s to list all, "
        f"{seconds_of(view.sizes):.2f} s for the sizes of all. "
        f"{seconds_scans:.2f} s to lay out for the scans what is in memory already. "
        f"A checkpoint of the younger half has {num_answers(view, evolution, lambda v: v.ancestors):.0f} "
        f"ancestors and {num_answers(view, evolution, lambda v: v.descendants):.0f} descendants in the mean."
    )


def print_ratios(results: Times, sizes: tuple[int, ...]) -> None:
    print("\nThe other ways' time as a multiple of the index's; below 1, the other way is faster.\n")
    print(f"| query | by | {' | '.join(f'{num:,}' for num in sizes)} |")
    print("|---|---|" + "---|" * len(sizes))
    for (what, who), by_size in results.items():
        if who != "index":
            ours = results[what, "index"]
            ratios = [statistics.median(by_size[n]) / statistics.median(ours[n]) for n in sizes]
            print(f"| {what} | {who} | {' | '.join(f'{ratio:.3g}' for ratio in ratios)} |")


def save_all(store: Store, evolution: Evolution) -> float:
    """Save checkpoints of 200 small tensors; each child has changed a tenth of its parent's."""
    rng = np.random.default_rng(0)
    models: dict[CheckpointKey, dict[str, np.ndarray[Any, Any]]] = {}
    begin = time.perf_counter()
    for lineage, prints in zip(evolution.lineages, evolution.prints, strict=True):
        inherited = models[lineage.parents[0]] if lineage.parents else {}
        num_changed = NUM_TENSORS // 10 if inherited else NUM_TENSORS
        changed = rng.choice(NUM_TENSORS, num_changed, replace=False)
        fresh = {f"blocks.{n}.weight": rng.standard_normal(64, dtype=np.float32) for n in changed}
        models[lineage.key] = {**inherited, **fresh}
        store.put(
            lineage.key,
            models[lineage.key],
            parents=lineage.parents,
            score=lineage.score,
            metadata=lineage.metadata,
            fingerprints=prints,
        )
        if len(models) > 2 * POPULATION:
            del models[next(iter(models))]  # too old to have more children
    return time.perf_counter() - begin


def seconds_of(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def drop_page_cache() -> bool:
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def report_files(num: int, num_rounds: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_FOLDER")) as folder:
        root = Path(folder) / "store"
        seconds_saving = save_all(open_store(root), Evolution(num))
        files = [path for path in (root / "t").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        rounds = [measure_looks(root, Path(folder) / f"index-{n}", n) for n in range(num_rounds)]
    print(f"{num:,} checkpoints of {NUM_TENSORS} tensors each, saved in {seconds_saving:.0f} s:\n")
    print("| | |\n|---|---|")
    print(f"| files | {len(files):,}, {size / 1e6:.0f} MB |")
    print(f"| files if each tensor of each checkpoint had its own | {num * NUM_TENSORS:,} |")
    for what, unit in rounds[0]:
        factor = 1000 if unit == "ms" else 1
        print(f"| {what} | {spread([each[what, unit] * factor for each in rounds])} {unit} |")


def measure_looks(root: Path, folder: Path, number: int) -> dict[tuple[str, str], float]:
    found = {}
    has_dropped = drop_page_cache()
    what = "page cache dropped before" if has_dropped else "page cache could not be dropped"
    found[f"first look, all headers read; {what}", "s"] = seconds_of(index_of(root, folder / "a").look)
    index = index_of(root, folder / "b")
    found["first look, all headers read; files in the page cache", "s"] = seconds_of(index.look)
    time.sleep(2.5)  # so that all shards are believed
    index.look()
    looks = [seconds_of(index_of(root, folder / "b").look) for _ in range(20)]
    found["look by a new process's index, nothing new", "ms"] = statistics.median(looks)
    found["look and list all", "s"] = seconds_of(lambda: index.look().checkpoints())
    found["list all without an index: every header parsed", "s"] = seconds_of(lambda: list_by_headers(root))
    open_store(root).put(f"late-{number}", {"w": np.zeros(8)}, score=0.5)
    found["look after one more save", "ms"] = seconds_of(index.look)
    return found


def index_of(root: Path, folder: Path) -> Index:
    store = open_store(root, create=False)
    return Index(store._reader, folder=folder)  # noqa: SLF001  # what a store does inside


def list_by_headers(root: Path) -> list[CheckpointKey]:
    reader = open_store(root, create=False)._reader  # noqa: SLF001  # what a store does inside
    return [pack.manifest.lineage.key for key in reader.listing().live if (pack := reader.pack(key))]


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=max(SIZES))
    arguments = parser.parse_args()
    sizes = tuple(size for size in SIZES if size <= arguments.most)
    print("# The index: opening a store, and asking it\n")
    print(
        f"{dt.datetime.now(tz=dt.UTC).date()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Linux {platform.release()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}; "
        f"load before: {os.getloadavg()[0]:.1f}. Median (lowest to highest).\n"
    )
    print("## Real files\n")
    report_files(arguments.files, min(3, arguments.rounds))
    print(f"\n## Queries, {NUM_LAYERS} layers a checkpoint\n")
    report_queries(sizes, arguments.rounds)
    print(f"\nLoad after: {os.getloadavg()[0]:.1f}. Most memory: {most_memory_mb():.0f} MB.", end=" ")
    print("`python benchmarks/store_index.py` repeats it.")


def most_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
