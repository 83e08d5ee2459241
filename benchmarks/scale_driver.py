"""Measures what an event, a start and a look cost the driver and its mailbox, in CPU seconds."""

from __future__ import annotations

import asyncio
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import heredity as hd
from heredity import encoding
from heredity.engine.executors.on_ray.mailbox import Mailbox
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_from_json, event_to_json
from heredity.ids import TrialId
from heredity.journal import Journal, replay
from heredity.space import Float
from heredity.strategies import RandomSearch

Numbers = dict[str, float]


def cpu_of(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def experiment_costs(num_trials: int, num_reports: int) -> Numbers:
    """A trial and a report, through the loop, the state and the journal, without anything that runs them."""
    (bare, bare_bytes, bare_events), (full, full_bytes, full_events) = (
        _inline(num_trials, reports) for reports in (0, num_reports)
    )
    num = num_trials * num_reports
    return {
        "trial_cpu_seconds": bare / num_trials,
        "report_cpu_seconds": (full - bare) / num,
        "trial_events": bare_events / num_trials,
        "trial_bytes": bare_bytes / num_trials,
        "report_bytes": (full_bytes - bare_bytes) / num,
        "report_events": (full_events - bare_events) / num,
    }


def _inline(num_trials: int, num_reports: int) -> tuple[float, int, int]:
    def train(trial: hd.Trial) -> float:
        for step in range(num_reports):
            trial.report(0.5, step=step + 1)
        return 0.5

    with tempfile.TemporaryDirectory() as name:
        experiment = hd.Experiment(
            train=train,
            name="events",
            strategy=RandomSearch({"x": Float(0, 1)}, seed=0),
            seed=0,
            budget=hd.Budget(concurrency=2, max_trials=num_trials),
            directory=Path(name) / "run",
            executor="inline",
        )
        seconds = cpu_of(experiment.run)
        journal = Path(name) / "run" / "journal.jsonl"
        return seconds, journal.stat().st_size, sum(1 for _ in replay(journal))


def journal_costs(num_events: int) -> Numbers:
    """Events a second into the journal, with a sync for each, for a hundred, and for all."""
    event = happened.TrialReported(
        at=time.time(), trial=TrialId("trial-000001"), attempt=1, step=7, value=0.987654321, metrics={}
    )
    line = encoding.encode(event_to_json(event))
    found: Numbers = {"event_bytes": len(line) + 1}
    found["decode_cpu_seconds"] = (
        cpu_of(lambda: [event_from_json(encoding.decode(line)) for _ in range(num_events)]) / num_events
    )
    started = happened.ExperimentStarted(
        at=0,
        format=happened.FORMAT_VERSION,
        experiment="x",
        seed=0,
        concurrency=1,
        max_trials=None,
        max_retries=0,
        direction="maximize",
    )
    with tempfile.TemporaryDirectory() as name, Journal.create(Path(name) / "journal", started) as journal:
        for every in (1, 100, num_events):
            num = min(num_events, 200 * every)
            begin = time.perf_counter()
            for number in range(1, num + 1):
                journal.append(event)
                if number % every == 0:
                    journal.sync()
            name_of_rate = f"events_a_second_synced_by_{every if every < num_events else 'all'}"
            found[name_of_rate] = num / (time.perf_counter() - begin)
        begin = time.perf_counter()
        for _ in range(50):
            journal.append(event)
            journal.sync()
        found["sync_seconds"] = (time.perf_counter() - begin) / 50
    return found


def look_costs(num_senders: int) -> Numbers:
    """What a look into the mailbox costs it and the driver: all attempts' silences, there and back."""

    async def looks() -> tuple[float, bytes]:
        box = Mailbox()
        for number in range(num_senders):
            await box.begin(f"trial-{number:06}@1", "token")
        begin = time.process_time()
        for _ in range(_NUM_LOOKS - 1):
            pickle.dumps(await box.collect(0.0))
        answer = pickle.dumps(await box.collect(0.0))
        return (time.process_time() - begin) / _NUM_LOOKS, answer

    mailbox, answer = asyncio.run(looks())
    driver = cpu_of(lambda: [pickle.loads(answer) for _ in range(_NUM_LOOKS)]) / _NUM_LOOKS
    return {"mailbox_cpu_seconds": mailbox, "driver_cpu_seconds": driver}


_NUM_LOOKS = 5


def ray_costs(*, num_calls: int, sizes: Sequence[int]) -> dict[str, Any]:
    """On a cluster on this machine: a call of the mailbox, and the driver's wait for so many tasks."""
    import ray

    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine takes longer than its 30
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        # An actor's handle has no type.
        box: Any = ray.remote(Mailbox).options(num_cpus=0, max_concurrency=10_000).remote()
        ray.get(box.begin.remote("trial@1", "token"))
        pid = _pid_of_mailbox()
        calls = [box.beat.remote("trial@1") for _ in range(100)]
        ray.get(calls)
        before, begin = _cpu_of_process(pid), time.perf_counter()
        for _ in range(num_calls // 100):
            ray.get([box.beat.remote("trial@1") for _ in range(100)])
        seconds = time.perf_counter() - begin
        beat = (_cpu_of_process(pid) - before) / num_calls
        return {
            "beat_cpu_seconds": beat,
            "beats_a_second": num_calls / seconds,
            "waits": {str(num): _wait_cost(ray, num) for num in sizes},
            "start_cpu_seconds": _start_cost(ray),
        }
    finally:
        ray.shutdown()


def _pid_of_mailbox() -> int:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if name.startswith(b"ray::Mailbox") and _is_below(int(folder.name), os.getpid()):
                return int(folder.name)
    raise RuntimeError("the mailbox has no process")


def _is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid == ancestor:
            return True
    return False


def _cpu_of_process(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait_cost(ray: Any, num: int) -> float:  # noqa: ANN401  # a module
    """CPU seconds of one turn of the driver's loop with so many tasks, of which it asks Ray twice."""
    task = ray.remote(num_cpus=1000)(_never)  # no machine has so many cores: they stay where they are
    tasks = [task.remote() for _ in range(num)]
    num_turns = max(3, 3000 // num)

    def turns() -> None:
        for _ in range(num_turns):
            known = dict.fromkeys(tasks)
            ray.wait([*known], timeout=0, num_returns=1)
            ray.wait(list(known), timeout=0, num_returns=len(known))

    cost = cpu_of(turns) / num_turns
    for each in tasks:
        ray.cancel(each, force=True)
    return cost


def _never() -> None:
    """A task that no machine can run."""


def _start_cost(ray: Any) -> float:  # noqa: ANN401  # a module
    task = ray.remote(max_calls=1, max_retries=0)(_never)
    tasks: list[Any] = []
    cost = cpu_of(lambda: tasks.extend(task.options(num_cpus=1000).remote() for _ in range(300))) / 300
    for each in tasks:
        ray.cancel(each, force=True)
    return cost
