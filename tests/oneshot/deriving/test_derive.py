"""What is derived computes what the supernet does, and the certificate knows."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from tests.oneshot.supernets import SUPERNETS, choice, elastic, images
from torch import nn

import heredity as hd
from heredity.encoding import Json
from heredity.errors import InputError, TransferRefused
from heredity.inheritance import recorded_inheritance
from heredity.oneshot import Elastic, ElasticConv2d, ElasticLinear, freeze, selecting, selection_of, space_of
from heredity.oneshot.deriving import attach, attach_part, derive, inherit
from heredity.oneshot.freezing import freeze_with_origins

ARCHITECTURE: dict[str, Json] = {"width": 4, "narrow": 3, "kernel": 3}


@pytest.mark.parametrize("kind", SUPERNETS)
def test_a_derived_network_is_proven_to_compute_what_its_supernet_does(kind: str) -> None:
    torch.manual_seed(0)
    supernet = SUPERNETS[kind]()
    architecture = space_of(supernet).sample(random.Random(2))
    derived = derive(supernet, architecture, example_inputs=images())
    assert derived.is_exact, str(derived)
    assert derived.certificate.is_exact_in_training
    x = images()
    with selecting(selection_of(supernet, architecture)):
        assert torch.equal(derived.module.eval()(x), supernet.eval()(x))


def test_a_plan_says_which_part_of_the_supernet_each_tensor_is() -> None:
    steps = derive(elastic(), ARCHITECTURE, example_inputs=images()).plan.by_tensor
    assert str(steps["0.weight"]) == "gather [4 of 6] [:] [3 of 5] [3 of 5]"
    assert steps["0.weight"].axes[2].sources == (1, 2, 3)
    assert (steps["8.bias"].how, steps["8.bias"].source) == ("copy", "8.bias")


def test_what_cannot_be_recorded_is_derived_without_a_proof() -> None:
    supernet = nn.Sequential(elastic(), _Unrecordable())
    derived = derive(supernet, ARCHITECTURE, example_inputs=images())
    assert not derived.is_exact
    assert "not proven, since it cannot be recorded" in derived.certificate.reason
    assert derived.certificate.coverage == 1.0
    with selecting(selection_of(supernet, ARCHITECTURE)):
        x = images()
        assert torch.equal(derived.module.eval()(x), supernet.eval()(x))


class _Unrecordable(nn.Module):
    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value if value.sum().item() > 1e9 else value + 1


@pytest.fixture
def saved(tmp_path: Path) -> tuple[hd.Store, hd.Checkpoint, nn.Module]:
    torch.manual_seed(0)
    store, supernet = hd.open_store(tmp_path / "store"), elastic()
    return store, hd.save(store, supernet, key="supernet"), supernet


Saved = tuple[hd.Store, hd.Checkpoint, nn.Module]


def test_a_child_of_a_stored_supernet_is_exact_and_knows_its_parent(saved: Saved) -> None:
    store, checkpoint, supernet = saved
    fresh = elastic()  # the code alone, with other weights
    child = freeze(fresh, ARCHITECTURE)
    inheritance = inherit(
        child, checkpoint, supernet=fresh, architecture=ARCHITECTURE, example_inputs=images()
    )
    assert inheritance.is_exact
    assert inheritance.difference is not None
    assert inheritance.difference.in_eval < 1e-5
    mine = freeze(supernet, ARCHITECTURE).state_dict()
    assert all(torch.equal(value, mine[name]) for name, value in child.state_dict().items())
    kept = hd.save(store, child, key="child", inherited=inheritance)
    assert kept.parents == ("supernet",)
    assert [each.key for each in store.ancestors("child")] == ["supernet"]


def test_the_plan_of_a_child_is_kept_and_can_be_read(saved: Saved) -> None:
    store, checkpoint, _ = saved
    child = freeze(elastic(), ARCHITECTURE)
    inheritance = inherit(
        child, checkpoint, supernet=elastic(), architecture=ARCHITECTURE, example_inputs=images()
    )
    recorded = recorded_inheritance(hd.save(store, child, key="child", inherited=inheritance))
    assert recorded is not None
    assert recorded.plan is not None
    assert recorded.plan.steps == inheritance.plan.steps


def test_a_network_of_the_users_own_inherits_from_a_supernet(saved: Saved) -> None:
    _, checkpoint, supernet = saved
    own = nn.ModuleDict({f"layer_{number}": layer for number, layer in enumerate(_layers())})
    child = _InOrder(own)
    inheritance = inherit(
        child, checkpoint, supernet=elastic(), architecture=ARCHITECTURE, example_inputs=images()
    )
    assert inheritance.is_exact
    x = images()
    with selecting(selection_of(supernet, ARCHITECTURE)):
        torch.testing.assert_close(child.eval()(x), supernet.eval()(x))


def _layers() -> list[nn.Module]:
    return [
        *(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 3, 1), nn.Flatten()),
        *(nn.Linear(75, 4), nn.LayerNorm(4), nn.Linear(4, 3)),
    ]


class _InOrder(nn.Module):
    def __init__(self, layers: nn.ModuleDict) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        for layer in self.layers.values():
            value = layer(value)
        return value


def test_a_checkpoint_of_another_network_is_refused(saved: Saved) -> None:
    _, checkpoint, _ = saved
    with pytest.raises(TransferRefused, match=r"supernet: candidates.conv.weight.*lacks it"):
        inherit(
            freeze(choice(), {"op": "conv"}),
            checkpoint,
            supernet=choice(),
            architecture={"op": "conv"},
            example_inputs=images(),
        )


def test_what_is_no_architecture_is_refused(saved: Saved) -> None:
    with pytest.raises(InputError, match="width"):
        derive(saved[2], {**ARCHITECTURE, "width": 5}, example_inputs=images())


def test_an_attached_supernet_computes_what_was_saved(saved: Saved) -> None:
    _, checkpoint, supernet = saved
    other, x = elastic().eval(), images()
    attach(other, checkpoint)
    with selecting(selection_of(supernet, ARCHITECTURE)):
        assert torch.equal(other(x), supernet.eval()(x))


def test_an_attached_supernets_weights_are_the_stores_pages(saved: Saved) -> None:
    """And so are those of its sub-networks: a thousand of them read nothing and copy nothing."""
    supernet = ElasticLinear(1000, Elastic((100, 500, 1000), label="width"))
    attach(supernet, hd.save(saved[0], supernet, key="large"))
    shared = freeze_with_origins(supernet, {"width": 500}, is_sharing=True).module
    [(start, end)] = _mapped("/large")
    assert all(start <= p.data_ptr() < end for p in (*supernet.parameters(), *shared.parameters()))


def _mapped(name: str) -> list[tuple[int, int]]:
    lines = [line for line in Path("/proc/self/maps").read_text("utf-8").splitlines() if name in line]
    bounds = [line.split()[0].split("-") for line in lines]
    return [(int(start, 16), int(end, 16)) for start, end in bounds]


def test_what_is_written_to_an_attached_supernet_stays_in_its_process(saved: Saved) -> None:
    store, checkpoint, supernet = saved
    attached = elastic()
    attach(attached, checkpoint)
    with torch.no_grad():
        for parameter in attached.parameters():
            parameter.zero_()
    again = store["supernet"].tensors(["0.weight"], framework="torch")["0.weight"]
    assert torch.equal(again, supernet.state_dict()["0.weight"])


def _narrow() -> nn.Module:
    """The same names, with one channel less."""
    return nn.Sequential(ElasticConv2d(4, 5, 5, bias=False), *list(elastic())[1:])  # type: ignore[call-overload]


@pytest.mark.parametrize("other", [choice, _narrow])
def test_only_the_supernet_that_was_saved_is_attached(saved: Saved, other: type[nn.Module]) -> None:
    with pytest.raises(TransferRefused, match="supernet: "):
        attach(other(), saved[1])


def test_what_is_judged_has_exactly_its_part_of_the_checkpoint(saved: Saved) -> None:
    _, checkpoint, supernet = saved
    attached, x = elastic(), images()
    part = attach_part(attached, checkpoint, architecture=ARCHITECTURE, example_inputs=x)
    assert (part.parent.key, part.coverage, part.is_exact) == ("supernet", 1.0, True)
    assert part.plan.by_tensor["0.weight"].axes[2].sources == (1, 2, 3)
    with selecting(selection_of(supernet, ARCHITECTURE)):
        assert torch.equal(part.module.eval()(x), supernet.eval()(x))


def test_what_is_judged_shares_the_attached_supernets_memory(saved: Saved) -> None:
    attached = elastic()
    part = attach_part(attached, saved[1], architecture=ARCHITECTURE, example_inputs=images())
    memory = {parameter.untyped_storage().data_ptr() for parameter in attached.parameters()}
    assert all(each.untyped_storage().data_ptr() in memory for each in part.module.parameters())


def test_of_what_cannot_be_recorded_all_is_there_and_nothing_proven(saved: Saved) -> None:
    supernet = nn.Sequential(elastic(), _Unrecordable())
    checkpoint = hd.save(saved[0], supernet, key="unrecordable")
    part = attach_part(supernet, checkpoint, architecture=ARCHITECTURE, example_inputs=images())
    assert (part.coverage, part.is_exact) == (1.0, False)
    assert "not proven, since it cannot be recorded" in part.certificate.reason
