"""Counts what each operation of a store asks of an object store: requests by kind, on a real S3 protocol.

The server is moto's, in this process; its own access log is what is counted, so that whatever the client
repeats, splits or joins is in it.
"""

from __future__ import annotations

import copy
import datetime as dt
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # has no types
import numpy as np
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

import heredity as hd
from heredity.engine.function import FunctionReference
from heredity.errors import WaitTimeout
from heredity.ids import TrialId
from heredity.store import MachineSettings, Store, open_store
from heredity.strategies import Given, GivenTrial

KINDS = ("PUT", "GET", "HEAD", "LIST", "DELETE")
_REQUEST = re.compile(
    r'"(?:\x1b\[[\d;]*m)*(?P<method>[A-Z]+) (?P<path>\S+) HTTP'
)  # in colours, unless all is well
BUCKET = "weights"
_GRACE = dt.timedelta(seconds=1000)
_PAGE = 1000

Requests = Mapping[str, float]
Call = Callable[[], object]


class AccessLog(logging.Handler):
    """Counts a server's requests."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        found = _REQUEST.search(record.getMessage())
        if found is not None:
            is_list = found["method"] == "GET" and "list-type=" in found["path"]
            self._counts["LIST" if is_list else found["method"]] += 1

    def during(self, work: Call) -> dict[str, int]:
        """What a call asked for."""
        before = self._counts.copy()
        work()
        return {kind: self._counts[kind] - before[kind] for kind in KINDS}


@contextmanager
def server() -> Iterator[tuple[dict[str, str], AccessLog]]:
    """An S3 server, by its options, and its log."""
    log, logger = AccessLog(), logging.getLogger("werkzeug")
    logger.addHandler(log)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    options = {
        "endpoint": f"http://{host}:{port}",
        "region": "us-east-1",
        "access_key_id": "someone",
        "secret_access_key": "hush",
    }
    try:
        client(options).create_bucket(Bucket=BUCKET)
        yield options, log
    finally:
        moto.stop()
        logger.removeHandler(log)


def client(options: Mapping[str, str]) -> Any:  # noqa: ANN401  # has no types
    """Amazon's own client of such a server."""
    return boto3.client(
        "s3",
        endpoint_url=options["endpoint"],
        region_name=options["region"],
        aws_access_key_id=options["access_key_id"],
        aws_secret_access_key=options["secret_access_key"],
    )


class Bench:
    """A store on such a server, whose operations are counted one by one."""

    def __init__(self, options: Mapping[str, str], log: AccessLog, *, machine_folder: Path) -> None:
        self._options = options
        self._log = log
        self._machine = MachineSettings(folder=machine_folder)
        self._num_stores = 0

    def new_store(self) -> Store:
        self._num_stores += 1
        return open_store(f"s3://{BUCKET}/{self._num_stores}", options=self._options, machine=self._machine)

    def again(self, store: Store) -> Store:
        """The same store as a new process has it."""
        return open_store(store.url, options=self._options, create=False, machine=self._machine)

    @contextmanager
    def in_environment(self) -> Iterator[None]:
        """Let processes that are begun meanwhile find the server."""
        found = {f"AWS_{name.upper()}": value for name, value in self._options.items()}
        os.environ |= found
        try:
            yield
        finally:
            for name in found:
                del os.environ[name]

    def during(self, work: Call) -> Requests:
        return self._log.during(work)

    def make_old(self, store: Store) -> None:
        """Let all that lies in a store have been put an hour ago."""
        keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys
        prefix = store.url.removeprefix(f"s3://{BUCKET}/") + "/"
        for name in list(keys):
            if name.startswith(prefix):
                keys[name].last_modified -= dt.timedelta(hours=1)

    def add_strangers(self, store: Store, num: int) -> None:
        """Names that a listing meets, without the time it takes to save so many checkpoints."""
        keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys
        prefix = store.url.removeprefix(f"s3://{BUCKET}/")
        some = next(iter(name for name in keys if name.startswith(f"{prefix}/t/")))
        for number in range(num):
            stranger = copy.copy(keys[some])
            stranger.name = f"{prefix}/t/00/x%{number:06}"  # no encoded key: a listing passes it over
            keys[stranger.name] = stranger


def weights(seed: int, *, changed: int = 10) -> dict[str, np.ndarray[Any, Any]]:
    """Ten small tensors, of which the last `changed` are this seed's own."""
    made = {f"layer{number}": np.full(100, number, np.float32) for number in range(10)}
    for number in range(10 - changed, 10):
        made[f"layer{number}"] = np.random.default_rng([seed, number]).random(100, np.float32)
    return made


def single_operations(bench: Bench) -> dict[str, Requests]:
    """What one call asks for, each in the position of a process that has just begun."""
    store = bench.new_store()
    store.put("root", weights(0))
    found = {
        "open a store": bench.during(lambda: bench.again(store)),
        "save, nothing shared": _fresh(bench, store, lambda s: s.put("other", weights(1))),
        "save, shared with a parent": _fresh(
            bench, store, lambda s: s.put("child", {**weights(0), "layer9": _ZEROS}, parents=["root"])
        ),
        "load, all in one file": _fresh(bench, store, lambda s: s["root"].tensors()),
        "load, one more owner": _fresh(bench, store, lambda s: s["child"].tensors()),
        "drop": _fresh(bench, store, lambda s: s.drop("other")),
        "pin a checkpoint": _fresh(bench, store, lambda s: s.pin(["root"])),
        "move a ref": _fresh(bench, store, lambda s: s.refs.set("best", "child")),
        "wait, per look": _looks(bench, store),
    }
    found["wait, one minute in vain"] = {kind: 66 * num for kind, num in found["wait, per look"].items()}
    return found


_ZEROS = np.zeros(100, np.float32)


def _fresh(bench: Bench, store: Store, work: Callable[[Store], object]) -> Requests:
    again = bench.again(store)
    return bench.during(lambda: work(again))


def _looks(bench: Bench, store: Store) -> Requests:
    """One look of a wait: the difference between a wait that looks twice and one that looks more often."""

    def wait(seconds: float) -> Requests:
        def work() -> None:
            with suppress(WaitTimeout):
                store.wait("never", timeout=seconds)

        return bench.during(work)

    short, long = wait(0), wait(1)
    num = max(long.values()) - max(short.values())
    return {kind: (long[kind] - short[kind]) / num for kind in KINDS}


def growing_operations(bench: Bench, *, small: int, large: int) -> dict[str, Requests]:
    """What operations on whole stores ask for, per checkpoint: the difference between two sizes of store."""
    found: dict[str, Requests] = {}
    first = {num: _refreshes(bench, num) for num in (small, large)}
    for name in ("index, first look", "index, nothing new"):
        found[f"{name}: fixed"], found[f"{name}: per checkpoint"] = _line(
            {num: each[name] for num, each in first.items()}
        )
    found["index: per new checkpoint"] = first[small]["one more"]
    live = {num: _collection(bench, num_live=num, num_dropped=5) for num in (small, large)}
    dropped = {num: _collection(bench, num_live=small, num_dropped=num) for num in (small, large)}
    fixed, found["collect: per live checkpoint"] = _line(live)
    _, found["collect: per checkpoint freed"] = _line(dropped)
    freed = found["collect: per checkpoint freed"]
    found["collect: fixed"] = {kind: fixed[kind] - 5 * freed[kind] for kind in KINDS}
    return found


def _line(counts: Mapping[int, Requests]) -> tuple[Requests, Requests]:
    """Where a line through two points begins, and its slope."""
    (small, few), (large, many) = sorted(counts.items())
    # Whole numbers but for the clock's probes, of which a collection makes some more or some fewer.
    slope = {kind: round((many[kind] - few[kind]) / (large - small)) for kind in KINDS}
    return {kind: few[kind] - small * slope[kind] for kind in KINDS}, slope


def _refreshes(bench: Bench, num: int) -> dict[str, Requests]:
    store = bench.new_store()
    for number in range(num):
        store.put(f"c{number}", weights(number))
    again = bench.again(store)
    first = bench.during(again.checkpoints)
    nothing = bench.during(again.checkpoints)
    store.put("more", weights(num))
    more = bench.during(again.checkpoints)
    return {
        "index, first look": first,
        "index, nothing new": nothing,
        "one more": {kind: more[kind] - nothing[kind] for kind in KINDS},
    }


def _collection(bench: Bench, *, num_live: int, num_dropped: int) -> Requests:
    store = bench.new_store()
    for number in range(num_live + num_dropped):
        store.put(f"c{number}", weights(number))
    for number in range(num_dropped):
        store.drop(f"c{number}")
    bench.make_old(store)
    again = bench.again(store)
    return bench.during(lambda: again.collect(grace=_GRACE))


def pages(bench: Bench, num: int) -> float:
    """How many names a page of a listing holds, by the requests for a store of so many."""
    store = bench.new_store()
    store.put("one", weights(0))
    bench.add_strangers(store, num)
    found = bench.during(bench.again(store).checkpoints)["LIST"]
    assert found == -(-(num + 1) // _PAGE), f"{found} pages for {num + 1} names"
    return _PAGE


def whole_trials(bench: Bench, folder: Path) -> dict[str, Requests]:
    """What a trial asks for from its beginning to its end, a process of its own included."""
    with bench.in_environment():
        few, many = (bench.during(partial(_run, bench, folder, number)) for number in (1, 5))
    return {"a trial with a parent, in all": {kind: (many[kind] - few[kind]) / 4 for kind in KINDS}}


def _run(bench: Bench, folder: Path, num_children: int) -> None:
    father = GivenTrial(TrialId("father"), {"width": 8})
    children = [
        GivenTrial(TrialId(f"child-{n}"), {"width": 8}, parents=(father.trial_id,))
        for n in range(num_children)
    ]
    state = hd.Experiment(
        train=FunctionReference("scale_trials", "train", folder=str(Path(__file__).parent)),
        name="counted",
        strategy=Given([father, *children]),
        seed=0,
        budget=hd.Budget(concurrency=1),
        directory=folder / str(num_children),
        store=bench.new_store().url,
    ).run()
    assert all(record.state.value == "completed" for record in state.trials.values()), state.trials
