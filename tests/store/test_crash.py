"""A writer may be killed at any moment: what is visible is whole, and what was acknowledged is there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from heredity.store import open_store

# Saves one child after the other, each with something of its father's, and says so when told that it is safe.
WRITER = """
import sys
import numpy as np
from heredity.store import open_store
store, name = open_store(sys.argv[1]), sys.argv[2]
for number in range(10**6):
    weight = np.full(200_000, number, dtype=np.float32)
    parents = [f"{name}/{number - 1}"] if number else []
    tensors = {"new": weight, "shared": np.arange(5000)}
    store.put(f"{name}/{number}", tensors, parents=parents, graph={"n": number})
    print(number, flush=True)
"""


def acknowledged_by_a_writer_killed_after(seconds: float, *, root: Path, name: str) -> list[int]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert writer.stdout is not None
    lines = [writer.stdout.readline()]
    # From its first save on, so that it is killed while it saves and not while it starts.
    time.sleep(seconds)
    writer.kill()
    lines += writer.stdout.readlines()
    writer.stdout.close()
    writer.wait()
    return [int(line) for line in lines if line.endswith("\n")]


# Saves a child with every system call given as "name:nth:when" deadly; says so if it lives.
VICTIM = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from heredity.store import LocalBackend, Store
from heredity.store.backends.posix import SystemCalls
from heredity.testing.faults import deadly
root, call, nth, when = sys.argv[1:]
real = SystemCalls()
calls = replace(real, **{call: deadly(getattr(real, call), nth=int(nth), after=when == "after")})
store = Store(LocalBackend(Path(root), system=calls), store_id="x")
store.put("child", {"new": np.arange(100_000), "shared": np.arange(5000)}, parents=["father"])
print("acknowledged")
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("call", "nth"),
    [("write", 1), ("fsync", 1), ("fsync", 2), ("fsync", 3), ("close", 1), ("link", 1), ("unlink", 1)],
)
def test_a_writer_that_dies_at_a_system_call_leaves_all_or_nothing(
    root: Path, call: str, nth: int, when: str
) -> None:
    father = open_store(root).put("father", {"shared": np.arange(5000)})
    arguments = [sys.executable, "-c", VICTIM, str(root), call, str(nth), when]
    writer = subprocess.run(arguments, stdout=subprocess.PIPE, check=False)
    assert writer.returncode == -signal.SIGKILL
    store = open_store(root)
    assert store.verify() == []
    again = store.put("child", {"new": np.arange(100_000), "shared": np.arange(5000)}, parents=[father])
    assert [checkpoint.key for checkpoint in store.checkpoints()] == ["father", "child"]
    assert np.array_equal(again.tensors()["new"], np.arange(100_000))


@pytest.mark.slow
def test_thirty_killed_writers_leave_nothing_incomplete_and_lose_nothing(root: Path) -> None:
    open_store(root)
    moments = random.Random(0)
    acknowledged: list[str] = []
    for number in range(30):
        name = f"w{number}"
        numbers = acknowledged_by_a_writer_killed_after(moments.uniform(0, 0.1), root=root, name=name)
        acknowledged += [f"{name}/{saved}" for saved in numbers]
    store = open_store(root)
    visible = {checkpoint.key for checkpoint in store.checkpoints()}
    assert visible >= set(acknowledged)
    assert len(acknowledged) >= 30
    assert store.verify() == []
    for key in visible:
        assert (store[key].tensors()["new"] == np.float32(key.partition("/")[2])).all()
