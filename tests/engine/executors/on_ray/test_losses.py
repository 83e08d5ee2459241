"""A machine that dies, and one that falls silent: the trial goes on elsewhere, from its last checkpoint."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import heredity as hd
from heredity import encoding
from heredity.engine.function import FunctionReference
from heredity.experiment import ExperimentState
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_to_json
from heredity.ids import CheckpointKey, TrialId
from heredity.journal import replay
from heredity.testing.executor_suite import Drive
from heredity.testing.executor_suite.drive import is_alive
from heredity.testing.executor_suite.suite import SCRIPTED

pytestmark = pytest.mark.ray

SLOWLY = FunctionReference("programs", "train_slowly", folder=str(Path(__file__).parent))
ON_A_WORKER = hd.Resources(custom={"trial": 1})


@pytest.fixture
def workers(cluster: Any) -> Iterator[list[Any]]:  # Any: Ray's test cluster has no types
    """Two machines for one attempt each."""
    nodes = [cluster.add_node(num_cpus=1, resources={"trial": 1}) for _ in range(2)]
    cluster.wait_for_nodes()
    yield nodes
    for node in nodes:
        if node in cluster.worker_nodes:
            cluster.remove_node(node, allow_graceful=False)


def pids_of(directory: Path) -> tuple[int, int, int]:
    """The trial's process, the fork server's, and that of Ray's task."""
    trial, server, task = map(int, (directory / "waits").read_text().split())
    return trial, server, task


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def machine_of(task: int, nodes: Sequence[Any]) -> Any:
    """The machine whose raylet has started the task's process."""
    return next(node for node in nodes if node.all_processes["raylet"][0].process.pid == parent_of(task))


def test_a_trial_whose_machine_dies_goes_on_elsewhere_from_its_last_checkpoint(
    cluster: Any, workers: list[Any], tmp_path: Path
) -> None:
    killed: list[Any] = []

    def kill_its_machine(state: ExperimentState, _: happened.Event | None) -> None:
        has_saved = any(len(record.checkpoints) == 2 for record in state.running())
        if not killed and has_saved and (tmp_path / "run/waits").exists():
            killed.append(machine_of(pids_of(tmp_path / "run")[2], workers))
            cluster.remove_node(killed[0], allow_graceful=False)

    experiment = hd.Experiment(
        train=SLOWLY,
        name="losses",
        strategy=hd.strategies.Given([hd.strategies.GivenTrial(TrialId("a"), {})]),
        seed=0,
        budget=hd.Budget(concurrency=1),
        directory=tmp_path / "run",
        executor="ray",
        resources=ON_A_WORKER,
        observers=[kill_its_machine],
    )
    record = experiment.run().trials[TrialId("a")]
    events = list(replay(tmp_path / "run/journal.jsonl"))
    assert (record.state.value, record.attempt, record.num_losses) == ("completed", 2, 1)
    assert [e.step for e in events if isinstance(e, happened.TrialResumed)] == [2]
    assert [report.step for report in record.reports] == [1, 2, 3, 4]


@contextmanager
def frozen(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_a_machine_that_falls_silent_is_lost_and_its_late_words_have_its_number(
    workers: list[Any], tmp_path: Path
) -> None:
    from heredity.engine.executors.on_ray import RayExecutor

    executor = RayExecutor(SLOWLY, resources=ON_A_WORKER, silence_seconds=4)
    drive = Drive(executor, tmp_path)
    drive.start("a", "")
    drive.file("waits")
    pids = pids_of(tmp_path)
    with frozen(pids):
        end = drive.end_of("a")
        assert isinstance(end, happened.TrialLost)
        assert end.counts
        assert "has been silent for" in end.reason
        again = drive.run("a", "", attempt=2, resume_from=[CheckpointKey("suite/a@1.step-2")])
        assert isinstance(again, happened.TrialCompleted)
    late = happened.TrialReported(at=0.0, trial=TrialId("a"), attempt=1, step=9, value=9.0)
    executor._opened.box.send.remote("a@1", 99, encoding.encode(event_to_json(late)))
    drive.wait_until(lambda: late in drive["a"])
    drive.wait_until(lambda: not any(map(is_alive, pids)))
    executor.close()


@pytest.mark.usefixtures("cluster")
def test_without_its_mailbox_an_attempt_is_lost_and_the_next_one_has_a_new_one(tmp_path: Path) -> None:
    import ray

    from heredity.engine.executors.on_ray import RayExecutor

    executor = RayExecutor(SCRIPTED)
    drive = Drive(executor, tmp_path)
    drive.start("a", "hang")
    pid = int(drive.file("a.started").read_text())
    ray.kill(executor._opened.box)
    end = drive.end_of("a")
    assert isinstance(end, happened.TrialLost)
    assert "mailbox" in end.reason
    assert isinstance(drive.run("b", "report_thrice"), happened.TrialCompleted)
    drive.wait_until(lambda: not is_alive(pid))
    executor.close()


@pytest.mark.usefixtures("cluster")
def test_a_worker_of_ray_that_is_killed_is_a_loss(tmp_path: Path) -> None:
    from heredity.engine.executors.on_ray import RayExecutor

    executor = RayExecutor(SLOWLY)
    drive = Drive(executor, tmp_path)
    drive.start("a", "")
    drive.file("waits")
    trial, _, task = pids_of(tmp_path)
    os.kill(task, signal.SIGKILL)
    end = drive.end_of("a")
    assert isinstance(end, happened.TrialLost)
    assert end.counts
    assert "vanished" in end.reason
    give_up_at = time.monotonic() + 30
    while is_alive(trial):
        assert time.monotonic() < give_up_at, "the trial outlives its task"
        time.sleep(0.02)
    executor.close()


@pytest.mark.usefixtures("cluster")
def test_what_no_machine_has_is_refused() -> None:
    from heredity.engine.executors.on_ray import RayExecutor

    executor = RayExecutor(SCRIPTED, resources=hd.Resources(gpus=8))
    with pytest.raises(hd.errors.ConfigError, match=r"what an attempt takes \(CPU 1, GPU 8\)"):
        executor.open(lambda _: False)
    executor.close()


def test_ray_chooses_the_devices_itself() -> None:
    from heredity.engine.executors.on_ray import RayExecutor

    with pytest.raises(hd.errors.ConfigError, match="Ray chooses the accelerators"):
        RayExecutor(SCRIPTED, resources=hd.Resources(devices=("cuda:0",)))
