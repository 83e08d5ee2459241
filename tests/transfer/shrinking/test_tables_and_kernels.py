"""Tables lose their last entries and kernels their rims, which is said."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heredity.transfer import TransferPlan, Verdict, apply, plan_transfer, trace
from heredity.transfer.shrinking import fit

torch.set_num_threads(1)


class Placed(nn.Module):
    """Words and their places, both looked up."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(9, 4), nn.Embedding(places, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.head(self.words(x) + self.places(torch.arange(x.shape[1])))
        return result


def planned(parent: nn.Module, child: nn.Module, x: torch.Tensor) -> TransferPlan:
    return plan_transfer(trace(parent, (x,)), trace(child, (x,)))


def test_fewer_places_are_the_first_ones() -> None:
    plan = planned(Placed(8), Placed(6), torch.zeros(2, 5, dtype=torch.long))
    assert plan.by_tensor["places.weight"].axes[0].sources == tuple(range(6))
    verdict = plan.certificate.tensors["places.weight"]
    assert verdict.verdict is Verdict.APPROXIMATE
    assert "the table has 6 rows, in the parent 8" in verdict.reason


def test_fewer_classes_are_the_first_ones() -> None:
    plan = planned(nn.Linear(3, 5), nn.Linear(3, 4), torch.zeros(2, 3))
    assert plan.by_tensor["weight"].axes[0].sources == (0, 1, 2, 3)
    assert plan.certificate.tensors["weight"].reason == "1 of 5 entries of axis 0 are left out"
    assert not plan.certificate.is_exact


@pytest.mark.parametrize(("theirs", "ours", "sources"), [(5, 3, (1, 2, 3)), (7, 1, (3,))])
def test_a_smaller_kernel_is_the_centre(theirs: int, ours: int, sources: tuple[int, ...]) -> None:
    parent, child = (nn.Conv2d(2, 3, size, padding=size // 2) for size in (theirs, ours))
    plan = planned(parent, child, torch.zeros(2, 2, 8, 8))
    assert [axis.sources for axis in plan.by_tensor["weight"].axes[2:]] == [sources, sources]
    assert plan.certificate.tensors["weight"].verdict is Verdict.APPROXIMATE
    assert not plan.certificate.is_exact


def test_a_smaller_kernel_is_fitted_too() -> None:
    torch.manual_seed(0)
    parent, child = nn.Conv1d(2, 3, 5, padding=2), nn.Conv1d(2, 3, 3, padding=1)
    x, unseen = torch.randn(2, 64, 2, 20).cumsum(-1)  # neighbours are alike, so the centre can stand for all
    graphs = trace(parent, (x,)), trace(child, (x,))
    plan, tensors = plan_transfer(*graphs), parent.state_dict()
    apply(plan, tensors, child)
    before = (child(unseen) - parent(unseen)).detach().norm()
    fit(plan, child, parent=graphs[0], child=graphs[1], parent_tensors=tensors, inputs=(x,))
    assert (child(unseen) - parent(unseen)).detach().norm() < 0.5 * before
