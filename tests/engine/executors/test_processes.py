"""In processes: places, and what an experiment asks of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from heredity.engine.executors import (
    ExecutorName,
    ExecutorSettings,
    ProcessExecutor,
    Resources,
    executor_named,
)
from heredity.engine.executors.limits import MIN_LIMIT_BYTES
from heredity.engine.executors.logs import cut_middle
from heredity.engine.executors.places import Places
from heredity.engine.function import FunctionReference
from heredity.errors import ConfigError
from heredity.experiment import events as happened
from heredity.ids import TrialId
from heredity.testing.executor_suite import Drive
from heredity.testing.executor_suite.suite import SCRIPTED

SURROUNDINGS = FunctionReference("places_programs", "surroundings", folder=str(Path(__file__).parent))


def test_each_attempt_sees_its_own_accelerator_and_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    resources = Resources(devices=("cuda:3", "cuda:5"), cores=1)
    first, second = sorted(os.sched_getaffinity(0))[:2]
    places = Places(resources, devices=resources.devices, cores=[first, second])
    drive = Drive(ProcessExecutor(SURROUNDINGS, resources=resources, places=places), tmp_path)
    for trial in ("a", "b"):
        drive.start(trial, "meet")
    for trial in ("a", "b"):
        drive.end_of(trial)
    drive.executor.close()
    told = [json.loads((tmp_path / f"{trial}.json").read_text()) for trial in ("a", "b")]
    assert [each["devices"] for each in told] == ["3", "5"]
    assert [each["cores"] for each in told] == [[first], [second]]
    assert [each["threads"] for each in told] == ["1", "1"]


def test_an_attempt_without_a_place_waits_for_one_and_can_be_stopped(tmp_path: Path) -> None:
    places = Places(Resources(cores=1), devices=[], cores=[0])
    executor = ProcessExecutor(SCRIPTED, resources=Resources(cores=1), places=places)
    drive = Drive(executor, tmp_path)
    for trial in ("a", "b", "c"):
        drive.start(trial, "report_thrice")
    executor.stop(TrialId("c"), 1, at_once=False)
    assert isinstance(drive.end_of("b"), happened.TrialCompleted)
    assert isinstance(drive.end_of("c"), happened.TrialLost)
    executor.close()


def test_more_trials_than_places_are_refused() -> None:
    settings = ExecutorSettings(concurrency=3, resources=Resources(devices=("cuda:0", "cuda:1")))
    with pytest.raises(ConfigError, match="accelerators for 2 trials at a time, not for 3"):
        executor_named("processes", SCRIPTED, settings)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("inline", {"resources": Resources(cores=1)}, "has all of the machine"),
        ("inline", {"ray_address": "auto"}, "are for executor 'ray'"),
        ("processes", {"resources": Resources(custom={"disk": 1})}, "are for executor 'ray'"),
    ],
)
def test_what_an_executor_cannot_do_is_refused(
    name: ExecutorName, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        executor_named(name, SCRIPTED, ExecutorSettings(concurrency=1, **settings))  # type: ignore[arg-type]  # as listed


def test_a_log_within_its_limit_stays_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * MIN_LIMIT_BYTES)
    assert cut_middle(log, limit_bytes=MIN_LIMIT_BYTES) == 0
    assert log.read_bytes() == b"x" * MIN_LIMIT_BYTES


def test_a_log_that_is_cut_twice_says_how_much_is_missing_in_all(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a" * 4_000)
    num_cut = cut_middle(log, limit_bytes=400)
    with log.open("ab") as file:
        file.write(b"b" * 1_000)
    num_cut = cut_middle(log, limit_bytes=400, num_cut=num_cut)
    assert f"{num_cut} bytes were cut out here".encode() in log.read_bytes()
    assert log.read_bytes().startswith(b"a" * 200)
    assert log.read_bytes().endswith(b"b" * 100)


def test_a_log_that_is_not_there_yet_is_not_cut(tmp_path: Path) -> None:
    assert cut_middle(tmp_path / "log", limit_bytes=400) == 0
