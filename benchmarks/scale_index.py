"""Measures what a look at an object store's index computes, by the number of checkpoints; no network in it.

The objects lie in obstore's memory, behind the same code that talks to a bucket: so the time is that of
listing, parsing names and comparing them with the index's rows. The rows are written straight into the
index's file, as `store_index.py` does; the headers that a first look parses are real.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path

from obstore.store import MemoryStore
from store_index import Evolution, save_all

from heredity.store import Store
from heredity.store.backends.objects import GivenClient, ObjectBackend
from heredity.store.files.layout import name_of
from heredity.store.files.reader import Reader
from heredity.store.index.database import Database
from heredity.store.index.refreshing import refresh
from heredity.store.index.writing import Changes, write

_ROWS_AT_ONCE = 5000
_NUM_ROUNDS = 3


def index_costs(num: int) -> dict[str, float]:
    """CPU seconds of a look that finds nothing new among so many checkpoints, and of writing their rows."""
    rows = Evolution(num).rows()
    memory = MemoryStore()
    backend = ObjectBackend(GivenClient(memory), url="memory://scale")
    for row in rows:
        memory.put(name_of(row.key), b"")
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder), identity="scale")
        generation, _ = database.run(lambda _: None)
        begin = time.process_time()
        for start in range(0, num, _ROWS_AT_ONCE):
            changes = Changes(rows=rows[start : start + _ROWS_AT_ONCE])
            database.run(partial(write, changes=changes), generation=generation)
        writing = time.process_time() - begin
        reader = Reader(backend, store_id="scale", verify="never")
        begin = time.process_time()
        for _ in range(_NUM_ROUNDS):
            refresh(reader, database, clock=time.monotonic)
        looking = (time.process_time() - begin) / _NUM_ROUNDS
        size = database.path.stat().st_size
    return {"look_cpu_seconds": looking, "write_cpu_seconds": writing, "index_bytes": size}


def header_cost(num: int) -> float:
    """CPU seconds a header of 200 tensors, read for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        backend = ObjectBackend(GivenClient(MemoryStore()), url="memory://headers")
        store = Store(backend, store_id="scale", index_folder=Path(folder))
        save_all(store, Evolution(num))
        again = Store(backend, store_id="scale", index_folder=Path(folder))
        begin = time.process_time()
        again.checkpoints()
        return (time.process_time() - begin) / num
