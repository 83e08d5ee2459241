"""How soon `Store.wait` sees what another process has put: gaps at random, both clocks the machine's one."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_GAP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Waits:
    """One run.

    Args:
        after_link: Seconds from the checkpoint's getting its name until `wait` returned it. Where the waiter
            came later than the checkpoint, from his coming.
        after_put: Seconds from the end of `put`, which syncs once more after the link: negative, mostly.
        cpu_share: What waiting costs: CPU seconds of the waiter per second.
    """

    after_link: list[float]
    after_put: list[float]
    cpu_share: float


def measure_waits(folder: Path, *, num_events: int, seed: int) -> Waits:
    import heredity

    store = heredity.open_store(folder / "store")
    command = [sys.executable, __file__, str(folder / "store"), str(num_events), str(seed)]
    seen: list[tuple[float, float]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        writer.stdout.readline()  # it is ready
        begin, begin_cpu = time.monotonic(), time.process_time()
        for number in range(num_events):
            came = time.monotonic()
            store.wait(f"event-{number}", timeout=60)
            seen.append((came, time.monotonic()))
        cpu_share = (time.process_time() - begin_cpu) / (time.monotonic() - begin)
        written = [tuple(map(float, line.split())) for line in writer.stdout]
    return Waits(
        after_link=[end - max(came, linked) for (came, end), (linked, _) in zip(seen, written, strict=True)],
        after_put=[end - put for (_, end), (_, put) in zip(seen, written, strict=True)],
        cpu_share=cpu_share,
    )


def write(root: Path, *, num_events: int, seed: int) -> None:
    import numpy as np

    import heredity
    from heredity.store import LocalBackend, Store
    from heredity.store.backends.posix import SystemCalls

    linked = [0.0]

    def link(*arguments: object, **options: object) -> None:
        os.link(*arguments, **options)  # type: ignore[arg-type]  # passed through
        linked[0] = time.monotonic()

    store_id = heredity.open_store(root, create=False).store_id
    store = Store(LocalBackend(root, system=SystemCalls(link=link)), store_id=store_id)
    gaps = random.Random(seed)
    lines = []
    print("ready", flush=True)
    for number in range(num_events):
        time.sleep(gaps.uniform(0, LONGEST_GAP_SECONDS))
        store.put(f"event-{number}", {"weight": np.full((64, 64), number, dtype=np.float32)})
        lines.append((linked[0], time.monotonic()))
    for moment in lines:
        print(*moment)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="The writer's side.")
    parser.add_argument("root", type=Path)
    parser.add_argument("num_events", type=int)
    parser.add_argument("seed", type=int)
    options = parser.parse_args(arguments)
    write(options.root, num_events=options.num_events, seed=options.seed)


if __name__ == "__main__":
    main(sys.argv[1:])
