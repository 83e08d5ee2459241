"""What sharing tensors saves on the disk in an architecture search, with real files of random weights.

An evolution with four ways to train a child, and two distributions of size over its blocks: bytes of the
store beside a file of its own for each trial. Then all but the last population are dropped and collected, and
the collection must free what its dry run has said.

Usage: ``python benchmarks/store_dedup.py --report benchmarks/results/NAME.md``. What was added to the page by
hand, from the heading "Reading" on, stays.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from store_evolution import HEAD, NUM_BLOCKS, POLICIES, Counted, Weights, count, evolve, train

import heredity

READING = "## Reading"
Shapes = Mapping[str, tuple[int, ...]]
Arrays = dict[str, Any]  # of numpy, fp32


def back_heavy() -> list[Shapes]:
    """Bottleneck blocks as in ResNet-50, an eighth as wide, in stages of 3, 4, 8 and 3; the head last."""
    widths = [width for width, repeats in ((8, 3), (16, 4), (32, 8), (64, 3)) for _ in range(repeats)]
    blocks: list[Shapes] = [
        {
            "reduce": (width, 4 * width, 1, 1),
            "conv": (width, width, 3, 3),
            "expand": (4 * width, width, 1, 1),
            "norm": (12 * width,),
        }
        for width in widths
    ]
    return [*blocks, {"weight": (125, 256), "bias": (125,)}]


def uniform(width: int = 40) -> list[Shapes]:
    """Transformer blocks of one size, and a head as large as a block."""
    block: Shapes = {
        "attention": (3 * width, width),
        "out": (width, width),
        "up": (4 * width, width),
        "down": (width, 4 * width),
        "norm": (4 * width,),
    }
    return [*(NUM_BLOCKS * [block]), {"weight": (12 * width, width), "bias": (12 * width,)}]


NETWORKS = {"back-heavy": back_heavy(), "uniform": uniform()}
# What our first simulation, of 2,000 trials, gave by counting bytes: all trials, live population.
SIMULATED = {
    ("back-heavy", "everything"): (1.00, None),
    ("back-heavy", "from the mutated block on"): (1.24, 1.19),
    ("back-heavy", "behind the longest common prefix in the population"): (1.27, 1.21),
    ("back-heavy", "only the mutated block and the head"): (5.8, 6.3),
    ("uniform", "everything"): (1.00, None),
    ("uniform", "from the mutated block on"): (1.80, 1.67),
    ("uniform", "behind the longest common prefix in the population"): (1.88, 1.72),
    ("uniform", "only the mutated block and the head"): (6.6, 7.1),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One network and policy, in bytes of the disk (whole blocks, as ``du`` counts).

    Args:
        copies: A file of its own for each trial.
        store: The store's checkpoints.
        live_copies: A file of its own for each trial of the last population.
        live_store: The store's checkpoints after the others were dropped and collected.
        tombstones: What the dropped names leave behind.
        counted: The same by counting.
        seconds: What dropping took a trial, and what the collection took.
    """

    copies: int
    store: int
    live_copies: int
    live_store: int
    tombstones: int
    counted: Counted
    seconds: tuple[float, float]


def measure(
    folder: Path, blocks: Sequence[Shapes], *, policy: str, num_trials: int, population: int
) -> Measured:
    trials = evolve(num_trials, population_size=population, seed=0)
    weights = train(trials, POLICIES[policy])
    store = heredity.open_store(folder / "store")
    keys = [f"trial-{number}" for number in range(num_trials)]
    save_all(store, keys, blocks, weights=weights, population=population)
    checkpoints = folder / "store" / "t"
    before = disk_bytes(checkpoints)
    begin = time.perf_counter()
    for key in keys[:-population]:
        store.drop(key, reason="too old")
    dropped = time.perf_counter()
    collect(store, checkpoints)
    collected = time.perf_counter()
    tombstones = disk_bytes(checkpoints, suffix="%drop")
    sizes = [4 * sum(map(math.prod, shapes.values())) for shapes in blocks]
    copy = disk_bytes_of_a_copy(folder, blocks)
    return Measured(
        copies=num_trials * copy,
        store=before,
        live_copies=min(population, num_trials) * copy,
        live_store=disk_bytes(checkpoints) - tombstones,
        tombstones=tombstones,
        counted=count(weights, sizes, population_size=population),
        seconds=((dropped - begin) / max(1, num_trials - population), collected - dropped),
    )


def save_all(
    store: heredity.Store,
    keys: Sequence[str],
    blocks: Sequence[Shapes],
    *,
    weights: Sequence[Weights],
    population: int,
) -> None:
    """Save all trials, each as a child of its donor; what it trains is random."""
    living: dict[int, list[Arrays]] = {}
    for number, key in enumerate(keys):
        donor, origins = weights[number].donor, weights[number].origins
        random = np.random.default_rng(number)
        arrays: list[Arrays] = []
        for block, shapes in enumerate(blocks):
            if donor is None or origins[block] == number:
                arrays.append({name: random.random(shape, np.float32) for name, shape in shapes.items()})
            else:
                arrays.append(living[donor][block])
        store.put(key, named(arrays), parents=[] if donor is None else [keys[donor]])
        living[number] = arrays
        living.pop(number - population, None)


def named(blocks: Sequence[Arrays]) -> Arrays:
    return {
        f"{'head' if block == HEAD else f'blocks.{block}'}.{name}": array
        for block, arrays in enumerate(blocks)
        for name, array in arrays.items()
    }


def collect(store: heredity.Store, checkpoints: Path) -> None:
    """Collect, and see that the files that are gone are those that the dry run has named, byte for byte."""
    before = file_sizes(checkpoints)
    foretold = store.collect(grace=timedelta(0), dry_run=True)
    assert file_sizes(checkpoints) == before, "a dry run has changed something"
    done = store.collect(grace=timedelta(0))
    after = file_sizes(checkpoints)
    gone = {name: size for name, size in before.items() if name not in after}
    assert (foretold.freed, foretold.size_bytes) == (done.freed, done.size_bytes)
    assert gone == {each.key: each.size_bytes for each in done.freed}
    assert sum(gone.values()) == done.size_bytes
    assert not list((checkpoints.parent / "trash").iterdir()), "with no grace, the disk has its bytes back"
    assert not store.verify(), "what lives is whole"


def files(folder: Path) -> Iterator[os.DirEntry[str]]:
    for shard in os.scandir(folder):
        yield from os.scandir(shard)


def file_sizes(checkpoints: Path) -> dict[str, int]:
    return {entry.name: entry.stat().st_size for entry in files(checkpoints)}


def disk_bytes(checkpoints: Path, *, suffix: str = "") -> int:
    return sum(512 * entry.stat().st_blocks for entry in files(checkpoints) if entry.name.endswith(suffix))


def disk_bytes_of_a_copy(folder: Path, blocks: Sequence[Shapes]) -> int:
    """What a file of its own takes, as safetensors writes it; the same for all trials."""
    arrays = [{name: np.zeros(shape, np.float32) for name, shape in shapes.items()} for shapes in blocks]
    save_file(named(arrays), folder / "copy")
    os.sync()  # some file systems choose the blocks late
    return 512 * (folder / "copy").stat().st_blocks


def write_report(
    path: Path, results: Mapping[tuple[str, str], Measured], *, num_trials: int, population: int
) -> None:
    """Write the page; what was written by hand at its end stays."""
    old = path.read_text() if path.exists() else ""
    reading = old[old.index(READING) :] if READING in old else f"{READING}\n\nNot written yet.\n"
    path.write_text("\n".join([*head(num_trials, population), *table(results), "", reading]))


def head(num_trials: int, population: int) -> Iterator[str]:
    sizes = ", ".join(
        f"{name} {sum(4 * math.prod(shape) for shapes in blocks for shape in shapes.values()) / 1e6:.2f} MB"
        for name, blocks in NETWORKS.items()
    )
    yield "# What sharing saves on the disk\n"
    yield (
        f"{dt.datetime.now(tz=dt.UTC).date()}, {platform.machine()}, {os.cpu_count()} cores, Linux "
        f"{platform.release()}, Python {platform.python_version()}.\n"
    )
    yield (
        f"Regularized evolution, {num_trials:,} trials, population {population}, {NUM_BLOCKS} blocks and a "
        f"head ({sizes} a trial, fp32, random weights). Each trial is saved as a child of the one that it "
        "took its frozen blocks from. ×: how many times the store's bytes go into those of a safetensors "
        "file for each trial (both as the disk counts, headers and all). *Live*: the last population, after "
        "the others were dropped and collected. *Counted*: the same without headers and blocks of the disk; "
        "*by tensor*: without the tensors that a file keeps besides those that are needed. *Our simulation*: "
        "what the format was designed by, 2,000 trials.\n"
    )
    yield "`python benchmarks/store_dedup.py --report benchmarks/results/NAME.md` repeats it.\n"


def table(results: Mapping[tuple[str, str], Measured]) -> Iterator[str]:
    yield (
        "| sizes | trained | all: MB | all: × | counted | our simulation "
        "| live: MB | live: × | counted | by tensor | our simulation | tombstones, MB |"
    )
    yield f"|{12 * '---|'}"
    for (network, policy), found in results.items():
        simulated, simulated_live = SIMULATED[network, policy]
        yield (
            f"| {network} | {policy} | {found.store / 1e6:.0f} | **{found.copies / found.store:.2f}** "
            f"| {found.counted.all_trials:.2f} | {simulated} "
            f"| {found.live_store / 1e6:.0f} | **{found.live_copies / found.live_store:.2f}** "
            f"| {found.counted.live_files:.2f} | {found.counted.live:.2f} | {simulated_live or ''} "
            f"| {found.tombstones / 1e6:.1f} |"
        )
    drop = np.median([found.seconds[0] for found in results.values()])
    longest = max(found.seconds[1] for found in results.values())
    yield (
        f"\nIn all {len(results)} runs the collection freed exactly the files and bytes that its dry run had "
        f"named, and all that lives was whole afterwards. Dropping took {1000 * drop:.1f} ms a trial; dry "
        f"run, collection and verification together at most {longest:.1f} s."
    )


def run(*, num_trials: int, population: int, folder: Path | None) -> dict[tuple[str, str], Measured]:
    results = {}
    for network, blocks in NETWORKS.items():
        for policy in POLICIES:
            print(f"{network}: {policy}", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(dir=folder) as place:
                results[network, policy] = measure(
                    Path(place), blocks, policy=policy, num_trials=num_trials, population=population
                )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--report", type=Path, required=True, help="the page to write")
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--population", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where to save; by default where temporary files go")
    arguments = parser.parse_args()
    num_trials, population = arguments.trials, arguments.population
    results = run(num_trials=num_trials, population=population, folder=arguments.folder)
    write_report(arguments.report, results, num_trials=num_trials, population=population)


if __name__ == "__main__":
    main()
