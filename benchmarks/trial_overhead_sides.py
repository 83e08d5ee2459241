"""The sides of the comparison that run in this project's own environment, and how each side is started.

Usage: ``trial_overhead_sides.py SIDE NUM_TRIALS FOLDER`` runs one of them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import optuna

HERE = Path(__file__).parent
CONCURRENCY = 2


@dataclass(frozen=True)
class Side:
    """One way to run trials."""

    name: str
    label: str
    num_trials: int
    isolation: Literal["own process", "reused process", "thread", "none"]
    """In what each trial runs."""
    record: str
    """What of a trial is on disk."""
    program: str = "trial_overhead_sides.py"
    environment: str | None = None
    """The peer's own environment; None is this one."""
    arguments: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        return self.name.startswith("heredity")


OURS = "start and end, each synced"
SIDES = [
    Side("heredity-inline", "**Heredity**, `inline`", 500, "none", OURS),
    Side("heredity-processes", "**Heredity**, `processes`", 500, "own process", OURS),
    Side("heredity-ray", "**Heredity**, `ray`", 20, "own process", OURS),
    Side("pool", "`ProcessPoolExecutor`, fork server", 500, "own process", "nothing"),
    Side(
        "tune-fresh",
        "Ray Tune, `reuse_actors=False`",
        20,
        "own process",
        "snapshots",
        program="trial_overhead_tune.py",
        environment="tune",
        arguments=("fresh",),
    ),
    Side(
        "tune-reused",
        "Ray Tune, `reuse_actors=True`",
        200,
        "reused process",
        "snapshots",
        program="trial_overhead_tune.py",
        environment="tune",
        arguments=("reused",),
    ),
    Side("optuna-sqlite", "Optuna, `n_jobs=2`, SQLite (WAL)", 200, "thread", "start and end, each synced"),
    Side("optuna-journal", "Optuna, `n_jobs=2`, journal file", 500, "thread", "start and end, each synced"),
    Side(
        "nni",
        "NNI 3.0, local",
        10,
        "own process",
        "start and end",
        program="trial_overhead_nni.py",
        environment="nni",
    ),
    Side(
        "syne",
        "Syne Tune, `LocalBackend`",
        20,
        "own process",
        "parameters and reports",
        program="trial_overhead_syne.py",
        environment="syne",
    ),
]


def heredity(executor: Literal["inline", "processes", "ray"], num_trials: int, folder: Path) -> None:
    import heredity as hd
    from heredity.engine.function import FunctionReference
    from heredity.space import Float
    from heredity.strategies import RandomSearch

    # On Ray each attempt's process would import torch, as each of the peers' would.
    module = "trial_overhead_bare" if executor == "ray" else "trivial"
    state = hd.Experiment(
        train=FunctionReference(module, "train", folder=str(HERE)),
        name="overhead",
        strategy=RandomSearch({"x": Float(0, 1)}, seed=0),
        seed=0,
        budget=hd.Budget(concurrency=CONCURRENCY, max_trials=num_trials),
        directory=folder / "run",
        executor=executor,
        ray_address="local" if executor == "ray" else None,
    ).run()
    assert [record.state.value for record in state.trials.values()] == ["completed"] * num_trials


def pool(num_trials: int, _: Path) -> None:
    import trivial

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["trivial"])
    with ProcessPoolExecutor(CONCURRENCY, mp_context=context, max_tasks_per_child=1) as executor:
        scores = list(executor.map(trivial.value, [n / num_trials for n in range(num_trials)]))
    assert len(scores) == num_trials


def optuna_sqlite(num_trials: int, folder: Path) -> None:
    import sqlite3

    import optuna

    path = folder / "study.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # stays so; its default syncs more often
    _optimize(optuna.storages.RDBStorage(f"sqlite:///{path}"), num_trials)


def optuna_journal(num_trials: int, folder: Path) -> None:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    _optimize(JournalStorage(JournalFileBackend(str(folder / "journal.log"))), num_trials)


def _optimize(storage: optuna.storages.BaseStorage, num_trials: int) -> None:
    import optuna
    from trial_overhead_marks import value

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(
        lambda trial: value(trial.suggest_float("x", 0, 1)), n_trials=num_trials, n_jobs=CONCURRENCY
    )
    assert len(study.trials) == num_trials


HERE_RUN: dict[str, Callable[[int, Path], None]] = {
    "heredity-inline": lambda num_trials, folder: heredity("inline", num_trials, folder),
    "heredity-processes": lambda num_trials, folder: heredity("processes", num_trials, folder),
    "heredity-ray": lambda num_trials, folder: heredity("ray", num_trials, folder),
    "pool": pool,
    "optuna-sqlite": optuna_sqlite,
    "optuna-journal": optuna_journal,
}


def command(side: Side, num_trials: int, folder: Path, *, peers: Path) -> list[str]:
    """How a side is started."""
    if side.environment is None:
        return [sys.executable, str(HERE / side.program), side.name, str(num_trials), str(folder)]
    python = peers / side.environment / "bin" / "python"
    return [str(python), str(HERE / side.program), str(num_trials), str(folder), *side.arguments]


def environment(folder: Path, *, port: int) -> dict[str, str]:
    """What all sides find in their environment."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),  # where some of them leave files
        "PYTHONPATH": str(HERE),
        "OMP_NUM_THREADS": "1",
        "RAY_worker_niceness": "0",  # by its default, all else on the machine would go before its workers
        "RAY_raylet_start_wait_time_s": "120",  # a busy machine takes longer than its 30
        "TRIAL_OVERHEAD_CONCURRENCY": str(CONCURRENCY),
        "TRIAL_OVERHEAD_PORT": str(port),
    }


if __name__ == "__main__":
    HERE_RUN[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
