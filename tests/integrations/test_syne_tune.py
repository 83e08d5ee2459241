"""Syne Tune's populations inherit across layer sizes, where its own fail; what was paused goes on."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import CorruptData, InputError
from heredity.integrations.guests import NOTE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import randint
    from syne_tune.experiments import load_experiment
    from syne_tune.optimizer.schedulers.pbt import PopulationBasedTraining
    from syne_tune.report import retrieve

    from heredity.integrations.syne_tune import SyneTrial, trial_of

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.filterwarnings("ignore"),  # Syne Tune's own
]

PROGRAM = str(Path(__file__).parent / "syne_trial.py")

Build = Callable[[int], nn.Module]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path / "syne"))
    monkeypatch.chdir(tmp_path)  # it leaves a file where it is started


def backend() -> Any:
    return LocalBackend(PROGRAM, rotate_gpus=False)


def rows_of(local: Any, number: int) -> list[dict[str, Any]]:
    """What a trial has reported, when it has ended."""
    local.trial_subprocess[number].wait()
    assert "Traceback" not in "".join(local.stderr(number)), "".join(local.stderr(number))
    rows: list[dict[str, Any]] = retrieve(local.stdout(number))
    return rows


def trial_in(folder: Path, store: hd.Store, **others: Any) -> SyneTrial:
    return trial_of({"width": 4, "st_checkpoint_dir": str(folder / "checkpoints")}, store=store, **others)


def report(trial: SyneTrial, module: nn.Module, inputs: torch.Tensor) -> None:
    trial.report({"accuracy": 0.5}, module=module, step=2, score=0.5, example_inputs=inputs)


def test_syne_tunes_own_checkpoints_cannot_change_a_layers_size() -> None:
    local = backend()
    local.start_trial({"width": 4, "goodness": 1, "store": "none"})
    local.trial_subprocess[0].wait()
    local.start_trial({"width": 6, "goodness": 1, "store": "none"}, checkpoint_trial_id=0)
    local.trial_subprocess[1].wait()
    assert "size mismatch for 0.weight" in "".join(local.stderr(1))


def test_a_population_goes_on_across_layer_sizes_with_the_winners_weights(
    store: hd.Store, tmp_path: Path
) -> None:
    """The first point is the best one: at the latest the third trial is worse than one that has reported."""
    points = [{"width": 4, "goodness": 9 - number} for number in range(4)]
    url = str(tmp_path / "store")
    scheduler = PopulationBasedTraining(
        {"width": randint(4, 99), "goodness": randint(1, 9), "store": url},
        metric="accuracy",
        time_attr="step",
        do_minimize=False,
        population_size=2,
        perturbation_interval=1,
        quantile_fraction=0.5,
        custom_explore_fn=lambda config: {**config, "width": config["width"] + 2},
        searcher_kwargs={"points_to_evaluate": [{**point, "store": url} for point in points]},
    )
    tuner = Tuner(
        backend(),
        scheduler,
        stop_criterion=StoppingCriterion(max_num_trials_started=4),
        n_workers=2,
        sleep_time=0.1,
        wait_trial_completion_when_stopping=True,
        save_tuner=False,
    )
    tuner.run()
    assert tuner.tuning_status.num_trials_failed == 0
    table = load_experiment(tuner.name).results
    heirs = table[table["heredity/verdict"] != "nothing"]
    assert len(heirs)
    assert set(heirs["heredity/verdict"]) == {"exact"}
    assert list(heirs["heredity/cumulative_steps"]) == list(heirs["step"])
    for number, rows in heirs.groupby("trial_id"):
        parent = store[rows.iloc[0]["heredity/parent"]]
        assert parent.metadata["trial"] != str(number)
        assert rows.iloc[0]["config_width"] == parent.manifest.tensors["0.weight"].shape[0] + 2


def test_a_paused_trial_goes_on_from_its_own_weights(store: hd.Store, tmp_path: Path) -> None:
    local = backend()
    config = {"width": 4, "goodness": 1, "store": str(tmp_path / "store")}
    local.start_trial({**config, "stops_at": 1})
    before = rows_of(local, 0)
    local.pause_trial(0)
    local.resume_trial(0, config)
    after = rows_of(local, 0)[len(before) :]
    assert [row["step"] for row in after] == [2, 3]
    assert after[0]["heredity/resumed"]
    assert after[0]["first"] == pytest.approx(before[0]["last"], rel=1e-5)


def test_a_copied_folder_gives_the_winners_function_to_another_size(
    store: hd.Store, build: Build, inputs: torch.Tensor, tmp_path: Path
) -> None:
    winner, child = build(4), build(6)
    report(trial_in(tmp_path / "search/0", store), winner, inputs)
    shutil.copytree(tmp_path / "search/0/checkpoints", tmp_path / "search/1/checkpoints")
    trial = trial_in(tmp_path / "search/1", store)
    assert trial.begin(child, example_inputs=inputs) == 2
    torch.testing.assert_close(child(inputs), winner(inputs))
    assert trial.guest.facts["parent"] == "syne-tune/search/0/step-2"


def test_a_folder_for_checkpoints_holds_a_small_note_and_nothing_else(
    store: hd.Store, build: Build, inputs: torch.Tensor, tmp_path: Path
) -> None:
    report(trial_in(tmp_path / "search/0", store), build(4), inputs)
    (note,) = (tmp_path / "search/0/checkpoints").iterdir()
    assert note.name == NOTE
    assert note.stat().st_size < 500
    assert [file.name for file in (tmp_path / "search/0").iterdir()] == ["checkpoints"]


def test_a_trial_with_an_empty_folder_inherits_from_its_parent(
    store: hd.Store, build: Build, tmp_path: Path
) -> None:
    hd.save(store, father := build(4), key="father")
    module = build(4)
    assert trial_in(tmp_path / "search/0", store, parent="father").begin(module) == 0
    torch.testing.assert_close(module.state_dict(), father.state_dict())


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": 2, "key": "a", "trial": "0", "step": 1, "beginning": 0}']
)
def test_a_note_that_cannot_be_read_is_an_error(
    store: hd.Store, build: Build, tmp_path: Path, text: str
) -> None:
    (tmp_path / "search/0/checkpoints").mkdir(parents=True)
    (tmp_path / "search/0/checkpoints" / NOTE).write_text(text)
    with pytest.raises(CorruptData, match=f"{NOTE}: "):
        trial_in(tmp_path / "search/0", store).begin(build(4))


def test_a_program_without_a_folder_says_so(store: hd.Store) -> None:
    with pytest.raises(InputError, match="expected st_checkpoint_dir among the arguments, got"):
        trial_of({"width": 4, "st_checkpoint_dir": None}, store=store)
