"""Network morphisms in whole experiments: what grows begins as what its parent computes."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import heredity as hd
from heredity.experiment import ExperimentState, TrialRecord, TrialState
from heredity.space import Choice, Int, Repeat, Space
from heredity.strategies import BayesianMorphism, Climb, Edits, Exploration, NetworkMorphism, Strategy

SPACE = Space(
    {
        "blocks": Repeat(
            {
                "width": Int(4, 10),
                "kernel": Choice([1, 3, 5], ordered=True),
                "skip": Choice([False, True], ordered=True),
            },
            1,
            3,
        ),
        "hidden": Int(6, 16),
        "activation": Choice(["relu", "gelu"], ordered=True),  # no growth, whatever one declares
    }
)
GROWING = ("blocks", "blocks.width", "blocks.kernel", "hidden")
SMALL: dict[str, Any] = {
    "blocks": [{"width": 4, "kernel": 1, "skip": False}],
    "hidden": 6,
    "activation": "relu",
}


class Block(nn.Module):
    """A convolution, its normalization, and perhaps a way around both."""

    def __init__(self, num_in: int, *, width: int, kernel: int, skip: bool) -> None:
        super().__init__()
        self.convolve = nn.Conv2d(num_in, width, kernel, padding=kernel // 2, bias=False)
        self.normalize = nn.BatchNorm2d(width)
        self.around = nn.Conv2d(num_in, width, 1) if skip else None

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.normalize(self.convolve(x)))
        return y if self.around is None else y + self.around(x)


class Network(nn.Module):
    def __init__(self, blocks: list[dict[str, Any]], hidden: int, activation: str) -> None:
        super().__init__()
        widths = [1, *(block["width"] for block in blocks)]
        self.blocks = nn.Sequential(
            *(Block(num_in, **block) for num_in, block in zip(widths, blocks, strict=False))
        )
        self.hidden, self.classify = nn.Linear(widths[-1], hidden), nn.Linear(hidden, 3)
        self.activate = {"relu": nn.ReLU(), "gelu": nn.GELU()}[activation]

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(images).mean(dim=(2, 3))
        logits: Tensor = self.classify(self.activate(self.hidden(features)))
        return logits


@cache
def images() -> tuple[Tensor, Tensor]:
    """Random images, brighter in one of three places."""
    generator = torch.Generator().manual_seed(0)
    x, labels = torch.randn(48, 1, 6, 6, generator=generator), torch.arange(48) % 3
    for index, label in enumerate(labels.tolist()):
        x[index, :, 2 * label : 2 * label + 2] += 1.0
    return x, labels


def score(network: nn.Module) -> float:
    x, labels = images()
    network.eval()
    with torch.no_grad():
        return -functional.cross_entropy(network(x), labels).item()


def train(trial: hd.Trial) -> float:
    x, labels = images()
    network = Network(**trial.parameters)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    policy = trial.info.get("policy", "best_effort")
    begun = trial.begin(network, optimizer=optimizer, example_inputs=(x,), policy=policy)
    trial.report(score(network), step=begun)
    network.train()
    for _ in range(begun, trial.max_steps or 0):
        optimizer.zero_grad()
        loss: Any = functional.cross_entropy(network(x), labels)
        loss.backward()
        optimizer.step()
    trial.report(score(network), step=trial.max_steps)
    trial.save(network, optimizer=optimizer, example_inputs=(x,))
    return score(network)


def experiment(strategy: Strategy, *, num: int | None = None) -> ExperimentState:
    return hd.Experiment(
        train=train,
        name="growth",
        strategy=strategy,
        seed=0,
        budget=hd.Budget(concurrency=1, max_trials=num),
        executor="inline",
        directory="run",
    ).run()


@pytest.fixture(autouse=True)
def _in_temporary_directory(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def climbed(*names: str) -> ExperimentState:
    climb = Climb(steps=4, num_rounds=2, num_children=3, num_edits=2, final_steps=6)
    edits = Edits(growing=names, strict=True)
    return experiment(NetworkMorphism(SPACE, seed=0, edits=edits, climb=climb, start=SMALL))


def assert_children_begin_where_their_parents_ended(state: ExperimentState) -> None:
    children = [record for record in state.trials.values() if record.info["role"] == "child"]
    assert children
    for child in children:
        parent = state.trials[child.parents[0]]
        assert child.state is TrialState.COMPLETED, child.error
        assert child.inheritance is not None
        assert child.inheritance["verdict"] == "exact"
        assert child.reports[0].step == 0
        assert child.reports[0].value == pytest.approx(parent.score, abs=1e-5)


@pytest.mark.parametrize("name", [*GROWING, "blocks.skip"])
def test_every_growing_edit_is_exact(name: str) -> None:
    """Deeper, wider, larger kernels, a way around, a wider head: each by itself."""
    assert_children_begin_where_their_parents_ended(climbed(name))


def test_all_growing_edits_together_are_exact() -> None:
    assert_children_begin_where_their_parents_ended(climbed(*GROWING))


def test_the_incumbent_goes_on_from_where_it_was() -> None:
    state = climbed("hidden")
    going_on = [record for record in state.trials.values() if record.continues]
    assert [record.info["role"] for record in going_on][-1] == "final"
    for record in going_on:
        parent = state.trials[record.parents[0]]
        assert record.reports[0].value == pytest.approx(parent.score)
        assert record.reports[0].step == last_step(parent)
        assert last_step(record) == record.max_steps


def last_step(record: TrialRecord) -> int:
    return record.reports[-1].step


def test_what_was_wrongly_declared_as_growth_fails_under_strict_edits() -> None:
    """And the incumbent trains on."""
    state = climbed("activation")
    children = [record for record in state.trials.values() if record.info["role"] == "child"]
    assert {child.state for child in children} == {TrialState.FAILED}
    assert all("the child would not be exact" in child.error for child in children)
    assert [*state.trials.values()][-1].state is TrialState.COMPLETED


def test_a_smaller_child_is_approximate_and_trains_nonetheless() -> None:
    edits = Edits(growing=(), shrinking=("hidden",), strict=True)
    large = SMALL | {"hidden": 16}
    climb = Climb(steps=4, num_rounds=1, num_children=2, num_edits=1)
    state = experiment(NetworkMorphism(SPACE, seed=0, edits=edits, climb=climb, start=large))
    *_, first, second = state.trials.values()
    for child in (first, second):
        assert child.inheritance is not None
        assert child.inheritance["verdict"] == "approximate"
        assert child.score is not None


def test_a_guided_search_grows_exactly_too() -> None:
    guided = BayesianMorphism(
        SPACE,
        seed=0,
        edits=Edits(growing=GROWING, strict=True),
        exploration=Exploration(num_founders=1, num_edits=4, num_expanded=4),
        start=[SMALL],
        max_steps=4,
    )
    assert_children_begin_where_their_parents_ended(experiment(guided, num=5))
