"""A search is a trial: it reports, saves, stops, and goes on where it was lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.oneshot.differentiable.supernets import SmallSupernet, batch

import heredity as hd
from heredity.errors import InputError, StoreUnavailable
from heredity.experiment import TrialRecord
from heredity.ids import TrialId
from heredity.oneshot import freeze, selecting, selection_of
from heredity.oneshot.differentiable import (
    ArchitectureTraining,
    CurvatureRule,
    DifferentiableSearch,
    SearchRun,
    SearchSettings,
    ShuffledBatches,
)
from heredity.oneshot.differentiable.search import Batch
from heredity.strategies import Given, GivenTrial

NUM_EPOCHS, STEPS = 4, 3
SETTINGS = SearchSettings(
    num_epochs=NUM_EPOCHS, steps_per_epoch=STEPS, architecture=ArchitectureTraining(rate=0.05)
)


def batches(seed: int) -> ShuffledBatches:
    x, y = batch(seed, dtype=torch.float32, num_rows=18)
    return ShuffledBatches(x, y, batch_size=6, seed=seed)


def noisy(which: ShuffledBatches, step: int) -> Batch:
    """Augmented by torch's generator, as images are."""
    x, y = which(step)
    return x + 0.1 * torch.randn_like(x), y


def searched(
    tmp_path: Path, *, lost_at: int | None = None, curvature: CurvatureRule | None = None
) -> TrialRecord:
    """Run one trial that searches; it may lose its store once, before a step."""
    train, validation = batches(1), batches(2)

    def search(trial: hd.Trial) -> float:
        torch.manual_seed(3)

        def train_batch(step: int) -> Batch:
            if step == lost_at and trial.attempt == 1:
                raise StoreUnavailable("the share is gone")
            return noisy(train, step)

        searching = DifferentiableSearch(
            SmallSupernet(dropout=0.5),
            settings=SETTINGS,
            criterion=torch.nn.functional.cross_entropy,
            seed=trial.seed,
        )
        run = SearchRun(
            search=searching,
            train=train_batch,
            validation=validation,
            score=lambda: searching.accuracy(validation),
            curvature=curvature,
            example_inputs=(batch(1, dtype=torch.float32)[0],),
        )
        outcome = run.in_trial(trial)
        print(outcome)
        return searching.accuracy(validation)

    experiment = hd.Experiment(
        train=search,
        name="search",
        strategy=Given([GivenTrial(TrialId("darts"), {})]),
        seed=0,
        budget=hd.Budget(concurrency=1, retry_delay_seconds=0),
        executor="inline",
        directory=tmp_path / "run",
    )
    return experiment.run().trials[TrialId("darts")]


def last_of(record: TrialRecord, tmp_path: Path) -> hd.Checkpoint:
    return hd.open_store(str(tmp_path / "run/store"))[record.checkpoints[-1]]


@pytest.mark.parametrize("lost_at", [2, 3, 7, 10])
def test_a_trial_that_was_lost_ends_with_the_very_bits_of_one_that_was_not(
    tmp_path: Path, lost_at: int
) -> None:
    """Lost before, at and after the end of an epoch; with dropout and augmented data."""
    through = searched(tmp_path / "through")
    lost = searched(tmp_path / "lost", lost_at=lost_at)
    assert (through.attempt, lost.attempt) == (1, 2)
    one, other = last_of(through, tmp_path / "through"), last_of(lost, tmp_path / "lost")
    assert one.metadata["architecture"] == other.metadata["architecture"]
    expected = one.tensors(framework="numpy")
    for name, value in other.tensors(framework="numpy").items():
        assert value.tobytes() == expected[name].tobytes(), name
    assert through.score == lost.score


def test_it_reports_how_undecided_it_is_and_saves_what_would_be_derived(tmp_path: Path) -> None:
    record = searched(tmp_path)
    assert [report.step for report in record.reports] == [3, 6, 9, 12]
    entropies = [float(str(report.metrics["entropy"])) for report in record.reports]
    assert all(0 < entropy < 1 for entropy in entropies)
    assert entropies[-1] < entropies[0]
    assert {"train_loss", "validation_loss"} <= record.reports[0].metrics.keys()
    assert [key.rpartition("@1")[2] for key in record.checkpoints] == [".epoch-1", ".epoch-2", ".epoch-3", ""]
    architecture = last_of(record, tmp_path).metadata["architecture"]
    assert isinstance(architecture, dict)
    assert "cell/1/inputs" in architecture


def test_a_child_of_what_was_derived_inherits_its_slice_exactly(tmp_path: Path) -> None:
    """The same architecture, built afresh: it computes what the supernet computes on this path."""
    record = searched(tmp_path)
    parent = last_of(record, tmp_path)
    architecture = parent.metadata["architecture"]
    assert isinstance(architecture, dict)
    child, x = freeze(SmallSupernet(dropout=0.5), architecture), batch(5, dtype=torch.float32)[0]
    inheritance = hd.inherit(child, parent, example_inputs=(x,))
    assert inheritance.is_exact
    assert inheritance.coverage == 1
    supernet = SmallSupernet(dropout=0.5)
    supernet.load_state_dict(
        {
            name.removeprefix("supernet."): value
            for name, value in parent.tensors(framework="torch").items()
            if name.startswith("supernet.")
        }
    )
    with torch.no_grad(), selecting(selection_of(supernet, architecture)):
        torch.testing.assert_close(child.eval()(x), supernet.eval()(x), rtol=0, atol=1e-6)


def test_it_stops_where_the_curvature_grows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a rule that any curvature satisfies."""
    rule = CurvatureRule(window=1, delta=1, factor=0, from_epoch=1)
    record = searched(tmp_path, curvature=rule)
    assert [report.step for report in record.reports] == [3, 6, 9]
    assert "epoch=1, num_epochs=3" in capsys.readouterr().out
    assert all("eigenvalue" in report.metrics for report in record.reports)


def test_every_epoch_has_every_row_once_in_an_order_of_its_own() -> None:
    rows = torch.arange(12)
    shuffled = ShuffledBatches(rows, rows, batch_size=4, seed=0)
    epochs = [torch.cat([shuffled(3 * epoch + place)[0] for place in range(3)]) for epoch in range(2)]
    assert all(sorted(epoch.tolist()) == list(range(12)) for epoch in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()
    assert torch.equal(shuffled(1)[0], epochs[0][4:8])


def test_more_rows_in_a_batch_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size: expected 1 to 3, the number of rows, got 4"):
        ShuffledBatches(torch.zeros(3), torch.zeros(3), batch_size=4, seed=0)
