"""What the rules for moving, joining and parting entries refuse is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.transfer.messages.networks import (
    Case,
    aligned,
    entries,
    grown,
    made,
    parts,
    told,
    with_partners_swapped,
)
from tests.transfer.test_rules import FEATURES, SERIES, Net
from torch import nn
from torch.nn import functional

from heredity.transfer.operators.relation import JUNK

IMAGES = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
NEW, COPIED, SCALED = entries(0, 1, 2, JUNK), entries(0, 1, 2, 0), entries(0, 1, 2, 0, scales=[2, 1, 1, 1])
UNEVEN_OF_FOUR = entries(0, 1, 2, 3, 0, JUNK, of=4)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def doubled(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Pixels are shuffled whose one axis of places a layer has made."""
    places = net.l0(x[:, :, None].expand(-1, -1, 2, -1))
    result: torch.Tensor = net.l1(functional.pixel_shuffle(places, 2)).mean((1, 2))
    return result


MOVED: dict[str, Case] = {
    "entries move along an axis that differs": lambda: grown(lambda h: h.roll(1, 1), of=NEW),
    "a new padding changes what comes in": lambda: grown(
        lambda h: h, in_child=lambda h: functional.pad(h, (0, 1)), sizes=(3, 3)
    ),
    "entry 0 is not the parent's entry 0": lambda: made(
        lambda net, x: net.l1(net.l0(x)[:, 0][:, None]),
        lambda n: parts(l0=(7, n), l1=(1, 2)),
        maps={("linear.0", 1): entries(1, 0, 2, 0)},
    ),
    "a single entry is scaled": lambda: made(
        lambda net, x: net.l0(x[0]).select(0, 0) * x,
        lambda n: parts(l0=(7, n)),
        maps={("linear.0", 0): SCALED},
    ),
    "steps are taken along an axis that differs": lambda: made(
        lambda net, x: net.l1(net.l0(x)[:, ::2]),
        lambda n: parts(l0=(7, n), l1=(2, 2)),
        maps={("linear.0", 1): COPIED},
    ),
    "the result has 3 axes, in the parent 2": lambda: grown(
        lambda h: h.expand(3, -1), in_child=lambda h: h.expand(2, 3, -1).mean(0)
    ),
    "axis 1 is expanded to 4 entries, in the parent to 3": lambda: made(
        lambda net, x: net.l1(net.l2(x).expand(3, net.l1.in_features)),
        lambda n: parts(l1=(n, 2), l2=(7, n if n == 3 else 1)),
    ),
    "entries are repeated 2 times along axis None": lambda: grown(
        lambda h: h.repeat_interleave(2).view(3, -1)
    ),
    "(1, 1, 2) repeats, of a tensor with 2 axes": lambda: grown(
        lambda h: h.repeat(1, 2), in_child=lambda h: h.repeat(1, 1, 2)[0]
    ),
    "the places differ": lambda: made(doubled, lambda n: parts(l0=(3, n), l1=(2 * n, 2)), x=SERIES),
    "the channels are no product of 2 groups and the channels of one (at channel_shuffle.0)": lambda: made(
        lambda net, x: net.b(functional.channel_shuffle(net.a(x), 2)),
        lambda n: parts(a=nn.Conv2d(4, n, 1), b=nn.Conv2d(n, 2, 1)),
        sizes=(4, 6),
        maps={("conv2d.0", 1): UNEVEN_OF_FOUR},
        x=IMAGES,
    ),
    "the indices differ": lambda: made(
        lambda net, x: net.l1(x.gather(1, x.argsort(1)[:, : net.l1.in_features])), lambda n: parts(l1=(n, 2))
    ),
    "the indices are for a part of the table only": lambda: grown(lambda h: h.gather(0, h.argsort(0)[:, :2])),
    "the axis that is worked along differs": lambda: grown(
        lambda h: h * functional.cosine_similarity(h, h.tanh(), 1)[:, None]
    ),
}


def crossed(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Halves of two layers' results."""
    result: torch.Tensor = net.l1(net.l0(x).chunk(2, 1)[0] + net.l2(x).chunk(2, 1)[1])
    return result


def multiplied_by_two_entries(net: Net, x: torch.Tensor) -> torch.Tensor:
    one, other, _ = net.l0(x[0]).unbind(0)
    result: torch.Tensor = one * other * x
    return result


def of_parts(count: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The sum of so many of the pieces of two entries."""

    def run(h: torch.Tensor) -> torch.Tensor:
        pieces = torch.split(h, 2, 1)
        return pieces[0] + pieces[1] if count == 2 else pieces[0] + pieces[1] + pieces[2]

    return run


JOINED: dict[str, Case] = {
    "2 pieces are joined, in the parent 3, and not all of them are here": lambda: made(
        lambda net, x: net.l1(torch.cat([net.l0(x), net.l2(x), net.l3(x)], 1)),
        lambda n: parts(l0=(7, n), l2=(7, n), l3=(7, n), l1=(9 if n == 3 else 8, 2)),
        in_child=lambda net, x: net.l1(torch.cat([net.l0(x), net.l2(x)], 1)),
    ),
    "new entries are joined to what is not known": lambda: grown(
        lambda h: h, in_child=lambda h: torch.cat([h, h], 1), sizes=(4, 4)
    ),
    "it is cut into 3 parts, in the parent into 2": lambda: grown(
        of_parts(2), in_child=of_parts(3), sizes=(4, 6)
    ),
    "tensors is (getitem.0, getitem.1), in the parent (getitem.0,)": lambda: grown(
        lambda h: torch.stack(h.chunk(2, 1)[:1]).sum(0),
        in_child=lambda h: torch.stack(h.chunk(2, 1)).sum(0),
        sizes=(4, 6),
    ),
    "the parent takes part 1, the child 0 of 2": lambda: grown(
        lambda h: h.chunk(2, 1)[1], in_child=lambda h: h.chunk(2, 1)[0], sizes=(4, 6)
    ),
    "input is not the parent's list": lambda: aligned(
        Net(crossed, **parts(l0=(7, 4), l2=(7, 4), l1=(2, 2))),
        Net(crossed, **parts(l0=(7, 6), l2=(7, 6), l1=(3, 2))),
        FEATURES,
        change=with_partners_swapped("chunk.0", "chunk.1"),
    ),
    "an axis that differs is taken apart into its entries": lambda: grown(
        lambda h: h.unbind(1)[0][:, None] + h.unbind(1)[1][:, None], of=COPIED
    ),
    "single entries are scaled": lambda: made(
        multiplied_by_two_entries,
        lambda n: parts(l0=(7, n)),
        sizes=(3, 3),
        maps={("linear.0", 0): entries(0, 1, 2, scales=[2, 1, 1])},
    ),
    "new: aten.view.default gives another shape (at view.0)": lambda: grown(
        lambda h: h, in_child=lambda h: h.view(3, 2, 2).cos(), sizes=(4, 4)
    ),
    "the result is (3, 2, 2), in the parent (3, 4)": lambda: grown(
        lambda h: h.reshape(3, 4), in_child=lambda h: h.reshape(3, 2, 2).mean(2).repeat(1, 2), sizes=(4, 4)
    ),
    "an axis is taken apart whose parts change together": lambda: grown(
        lambda h: h.view(3, 2, -1).cos().flatten(1), sizes=(4, 6), of=UNEVEN_OF_FOUR
    ),
    "a single entry is taken out that is not the parent's": lambda: made(
        lambda net, x: net.l0(x[0]).squeeze(0) * x,
        lambda n: parts(l0=(7, n)),
        sizes=(1, 1),
        factors={"linear.0": [2.0]},
    ),
}

REFUSED = {**MOVED, **JOINED}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_proven_of_axes_is_named(reason: str) -> None:
    assert reason in told(REFUSED[reason]())
