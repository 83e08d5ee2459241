"""Experiments on the functions of ``programs/trials.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

import heredity as hd
from heredity.encoding import Json
from heredity.engine.executors import ExecutorName
from heredity.engine.function import FunctionReference
from heredity.ids import TrialId
from heredity.strategies import Given, GivenTrial

PROGRAMS = Path(__file__).parent / "programs"

MakeExperiment = Callable[..., hd.Experiment]


@pytest.fixture
def make_experiment(tmp_path: Path) -> MakeExperiment:
    """Build an experiment whose trials do what their names' scripts say."""

    def make(
        does: Mapping[str, str | tuple[str, Sequence[str]]],
        *,
        executor: ExecutorName = "processes",
        concurrency: int = 2,
        time_limit_seconds: float | None = 60,
        seed: int = 0,
        parameters: Mapping[str, Json] | None = None,
        directory: str = "run",
    ) -> hd.Experiment:
        trials = []
        for name, what in does.items():
            function, parents = (what, ()) if isinstance(what, str) else what
            trials.append(
                GivenTrial(
                    TrialId(name),
                    {"does": function, **(parameters or {})},
                    tuple(TrialId(parent) for parent in parents),
                )
            )
        return hd.Experiment(
            train=FunctionReference("trials", "scripted", folder=str(PROGRAMS)),
            name="test",
            strategy=Given(trials),
            seed=seed,
            budget=hd.Budget(concurrency=concurrency, time_limit_seconds=time_limit_seconds),
            directory=tmp_path / directory,
            executor=executor,
        )

    return make


@pytest.fixture(autouse=True)
def _in_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
