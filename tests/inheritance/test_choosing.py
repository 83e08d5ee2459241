"""A parent is found in a store: who is considered, in which order, and who is taken."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import CheckpointNotFound, InputError, TransferRefused
from heredity.store import Store, open_store


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: torch.Tensor) -> Any:
        return torch.relu(x + self.body(x))


def _network(width: int, depth: int) -> nn.Module:
    blocks = [Residual(width) for _ in range(depth)]
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), *blocks, nn.Linear(width, 2))


@pytest.fixture
def rows() -> torch.Tensor:
    return torch.randn(24, 3)


@pytest.fixture
def store(rows: torch.Tensor) -> Store:
    """A store with a father that has been recorded on four rows."""
    store = open_store(f"memory://{uuid.uuid4().hex}")
    hd.save(store, _network(8, 1), key="father", score=0.5, example_inputs=rows[:4])
    return store


@pytest.fixture
def family(store: Store, rows: torch.Tensor) -> Store:
    """A store with the father (width 8, score 0.5), a shrunken aunt with a better score, and a stranger."""
    wide = _network(16, 1)
    hd.save(store, wide, key="aunt", score=0.9, example_inputs=rows[:4], metadata={"kind": "wide"})
    hd.save(store, nn.Flatten(), key="stranger", example_inputs=rows[:4], score=0.99)
    return store


def _values(module: nn.Module) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in module.state_dict().values()]


def test_exactness_comes_before_the_score(family: Store, rows: torch.Tensor) -> None:
    inheritance = hd.inherit(_network(12, 2), family, example_inputs=rows)
    assert inheritance.parent.key == "father"
    assert inheritance.is_exact
    assert [each.checkpoint.key for each in inheritance.considered] == ["father", "aunt", "stranger"]
    assert [each.verdict for each in inheritance.considered] == ["exact", "not exact", "unusable"]
    assert inheritance.considered[-1].problem == "nothing of it fits"


def test_coverage_comes_before_the_score_and_the_score_decides_among_equals(
    family: Store, rows: torch.Tensor
) -> None:
    for key, width, score in (("twin", 12, 0.1), ("better-twin", 12, 0.2)):
        hd.save(family, _network(width, 1), key=key, score=score, example_inputs=rows)
    inheritance = hd.inherit(_network(12, 1), family, example_inputs=rows)
    assert [each.checkpoint.key for each in inheritance.considered][:3] == ["better-twin", "twin", "father"]


def test_of_scores_the_lowest_may_be_the_best(family: Store, rows: torch.Tensor) -> None:
    for key, score in (("twin", 0.1), ("worse-twin", 0.2)):
        hd.save(family, _network(12, 1), key=key, score=score, example_inputs=rows)
    source = hd.Candidates(family, order="lowest")
    assert hd.inherit(_network(12, 1), source, example_inputs=rows).parent.key == "twin"


def test_a_relative_of_other_depth_and_width_is_found_by_its_score(store: Store, rows: torch.Tensor) -> None:
    """The index knows neither a shared beginning nor the same outline."""
    child = _network(12, 3)
    assert hd.relatives(store, child, example_inputs=rows) == []
    assert hd.inherit(child, store, example_inputs=rows).is_exact


def test_without_inputs_those_of_the_others_serve(family: Store) -> None:
    inheritance = hd.inherit(_network(12, 1), family)
    assert inheritance.parent.key == "father"
    assert inheritance.is_exact


def test_metadata_and_keys_narrow_the_choice(family: Store, rows: torch.Tensor) -> None:
    for narrow in ({"where": {"kind": "wide"}}, {"prefix": "au"}):
        source = hd.Candidates(family, **narrow)
        inheritance = hd.inherit(_network(12, 1), source, example_inputs=rows)
        assert [each.checkpoint.key for each in inheritance.considered] == ["aunt"]


def test_true_is_not_one_in_metadata(store: Store, rows: torch.Tensor) -> None:
    hd.save(store, _network(8, 1), key="a", example_inputs=rows, metadata={"good": 1})
    source = hd.Candidates(store, where={"good": True})
    assert hd.inherit(_network(8, 1), source, example_inputs=rows, missing_ok=True) is None


def test_no_more_are_considered_than_wanted(family: Store, rows: torch.Tensor) -> None:
    source = hd.Candidates(family, limit=2)
    inheritance = hd.inherit(_network(12, 1), source, example_inputs=rows)
    assert len(inheritance.considered) == 2


def test_the_probe_decides_before_everything_else(family: Store, rows: torch.Tensor) -> None:
    child = _network(12, 1)
    before = _values(child)

    def probe(module: nn.Module) -> float:
        """Likes what the aunt gives: her first convolution has another bias or weight than the father's."""
        taken = module.state_dict()["0.weight"][:8]
        aunt = family["aunt"].tensors(["0.weight"], framework="torch")["0.weight"]
        return 0.25 if torch.equal(taken, aunt[:8]) else 0.5

    inheritance = hd.inherit(child, family, example_inputs=rows, probe=probe)
    assert inheritance.parent.key == "aunt"
    assert [each.probe_loss for each in inheritance.considered] == [0.25, 0.5, None]
    assert inheritance.fresh_loss == 0.5
    assert "start loss: 0.25; with nothing inherited: 0.5" in str(inheritance)
    assert not all(torch.equal(a, b) for a, b in zip(before, _values(child), strict=True))


def test_a_probe_of_inputs_targets_and_loss_is_the_loss_at_the_start(
    family: Store, rows: torch.Tensor
) -> None:
    targets = torch.randint(2, (24,))
    child = _network(12, 1)
    probe = (rows, targets, nn.functional.cross_entropy)
    inheritance = hd.inherit(child, family, example_inputs=rows, probe=probe)
    child.eval()
    measured = float(nn.functional.cross_entropy(child(rows), targets).detach())
    assert inheritance.considered[0].probe_loss == pytest.approx(measured, rel=1e-5)


def test_each_candidate_is_tried_on_the_childs_own_values_and_the_same_random_numbers(
    family: Store, rows: torch.Tensor
) -> None:
    child = _network(12, 1)
    own = _values(child)
    seen: list[tuple[float, bool]] = []

    def probe(module: nn.Module) -> float:
        fresh = [a[8:] if a.dim() else a for a in own]
        now = [a[8:] if a.dim() else a for a in module.state_dict().values()]
        seen.append((float(torch.rand(())), torch.equal(fresh[0], now[0])))
        with torch.no_grad():
            for tensor in module.state_dict().values():
                tensor.zero_()
        return float("nan")

    state = torch.get_rng_state()
    inheritance = hd.inherit(child, hd.Candidates(family, prefix="father"), probe=probe)
    assert len({number for number, _ in seen}) == 1
    assert all(is_own for _, is_own in seen)
    assert torch.equal(torch.get_rng_state(), state)
    assert inheritance.considered[0].probe_loss == float("inf")
    assert inheritance.verify(rows).in_eval < 1e-5


@pytest.mark.parametrize("probe", [5, (1, 2), lambda _: "good"])
def test_what_is_no_probe_is_refused_and_the_child_is_as_it_was(store: Store, probe: Any) -> None:
    child = _network(12, 1)
    before = _values(child)
    with pytest.raises(InputError, match="probe: expected"):
        hd.inherit(child, store, probe=probe)
    assert all(torch.equal(a, b) for a, b in zip(before, _values(child), strict=True))


def test_the_exact_policy_takes_the_first_that_is_exact(family: Store, rows: torch.Tensor) -> None:
    """Even where a probe likes another one better."""
    inheritance = hd.inherit(
        _network(12, 1),
        family,
        example_inputs=rows,
        policy="exact",
        probe=lambda module: -float(module.state_dict()["0.weight"].std()),
    )
    assert inheritance.parent.key == "father"
    assert inheritance.is_exact
    narrow = hd.Candidates(family, prefix="aunt")
    with pytest.raises(TransferRefused, match="aunt: the child would not be exact"):
        hd.inherit(_network(12, 1), narrow, example_inputs=rows, policy="exact")


def test_an_empty_store_is_an_error_that_says_what_to_do(rows: torch.Tensor) -> None:
    store = open_store(f"memory://{uuid.uuid4().hex}")
    child = _network(8, 1)
    with pytest.raises(CheckpointNotFound, match=r"no checkpoint to inherit from\. .*missing_ok=True"):
        hd.inherit(child, store, example_inputs=rows)
    assert hd.inherit(child, store, example_inputs=rows, missing_ok=True) is None


def test_candidates_of_which_nothing_fits_are_named(store: Store, rows: torch.Tensor) -> None:
    source = hd.Candidates(store, min_coverage=0.9)
    child = _network(12, 2)
    before = _values(child)
    with pytest.raises(CheckpointNotFound, match=r"father: \d+\.\d% would come over, less than 90.0%"):
        hd.inherit(child, source, example_inputs=rows)
    assert all(torch.equal(a, b) for a, b in zip(before, _values(child), strict=True))


def test_a_damaged_candidate_is_left_out_and_named(family: Store, rows: torch.Tensor, tmp_path: Path) -> None:
    family.mirror_to(open_store(tmp_path / "weights"))
    (path,) = tmp_path.rglob("*father*")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    source = hd.Candidates(open_store(tmp_path / "weights"), limit=3)
    inheritance = hd.inherit(_network(12, 1), source, example_inputs=rows, probe=lambda _: 1.0)
    assert inheritance.parent.key == "aunt"
    assert any("digest" in each.problem for each in inheritance.considered)


def test_weights_without_a_graph_are_found_too_and_come_last(store: Store, rows: torch.Tensor) -> None:
    hd.save(store, _network(12, 1), key="plain", score=1.0)
    inheritance = hd.inherit(_network(12, 1), store, example_inputs=rows)
    assert [each.checkpoint.key for each in inheritance.considered] == ["father", "plain"]
