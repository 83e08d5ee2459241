"""What the rules for layers over places refuse is named: attention, recurrences, experts, tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import transformers.integrations.moe  # noqa: F401  # registers the operator
from tests.transfer.messages.networks import Case, Parts, entries, grown, made, parts, told
from tests.transfer.test_rules import SERIES, Net
from torch import nn
from torch.nn import functional
from torch.nn.functional import scaled_dot_product_attention as attention

from heredity.transfer import TransferPlan
from heredity.transfer.operators.relation import JUNK, ZERO, AxisRelation

NEW = entries(0, 1, 2, JUNK)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def heads(x: torch.Tensor, width: int = 2) -> torch.Tensor:
    """Places times channels become heads, places and channels of a head."""
    return x.view(*x.shape[:-1], -1, width).transpose(1, 2)


def attending(n: int, **more: torch.Tensor | nn.Module) -> Parts:
    return parts(a=(3, n), b=(3, n), c=(3, n), last=(4, 2), **more)


def attended(
    function: Callable[[Net, torch.Tensor], torch.Tensor],
    *,
    build: Callable[[int], Parts] = attending,
    sizes: tuple[int, int] = (3, 4),
    maps: dict[tuple[str, int], AxisRelation] | None = None,
) -> TransferPlan:
    return made(
        lambda net, x: net.last(function(net, x).flatten(1)[:, :4]), build, sizes=sizes, maps=maps, x=SERIES
    )


def shared_heads(net: Net, x: torch.Tensor) -> torch.Tensor:
    return attention(heads(net.a(x)), heads(net.b(x)), heads(net.c(x)), enable_gqa=True)


def masked(net: Net, x: torch.Tensor) -> torch.Tensor:
    return attention(heads(net.a(x)), heads(net.b(x)), heads(net.c(x)), attn_mask=net.mask)


def with_mask(n: int) -> Parts:
    return attending(n, mask=torch.randn(n // 2, 4, 4))


ATTENTION: dict[str, Case] = {
    "query, key and value have different numbers of axes": lambda: attended(
        lambda net, x: attention(net.a(x), net.b(x[0]), net.c(x))
    ),
    "the widths of query and key do not fit": lambda: attended(
        lambda net, x: attention(net.a(x), net.b(x), net.c(x)),
        maps={("linear.0", 2): NEW, ("linear.1", 2): NEW},
    ),
    "the scores are 0.866025 times the parent's": lambda: attended(
        lambda net, x: attention(net.a(x).tanh(), net.b(x).tanh(), net.c(x)),
        maps={("linear.0", 2): entries(0, 1, 2, ZERO), ("linear.1", 2): NEW},
    ),
    "the places of the query differ": lambda: attended(
        lambda net, x: attention(net.a(x).transpose(1, 2) @ x.new_ones(4, 3), x, x)
    ),
    "the values have other heads than the queries": lambda: attended(
        lambda net, x: attention(heads(net.a(x)), heads(net.b(x)), net.c(x)[:, None]), sizes=(4, 6)
    ),
    "4 heads of the query meet 1 of the key": lambda: attended(
        lambda net, x: attention(heads(net.a(x)), x[:, None, :, :2], x[:, None, :, :2]), sizes=(4, 8)
    ),
    "heads are scaled": lambda: attended(
        shared_heads,
        build=lambda _: parts(a=(3, 8), b=(3, 4), c=(3, 4), last=(4, 2)),
        maps={("linear.2", 2): entries(0, 1, 2, 3, of=4, scales=[2, 2, 3, 3])},
    ),
    "only one of the two networks has a mask": lambda: made(
        lambda net, x: net.last(attention(net.a(x), net.b(x), net.c(x))),
        lambda n: parts(a=(3, n), b=(3, n), c=(3, 4), last=(4, 2), mask=torch.randn(4, 4)),
        in_child=lambda net, x: net.last(attention(net.a(x), net.b(x), net.c(x), attn_mask=net.mask)),
        x=SERIES,
    ),
    "the mask's heads are others": lambda: attended(
        masked, build=with_mask, sizes=(4, 6), maps={("p_mask", 0): entries(0, 1, JUNK, of=2)}
    ),
    "the mask's places differ": lambda: attended(
        masked, build=with_mask, sizes=(4, 6), maps={("p_mask", 2): entries(1, 0, 2, 3, of=4)}
    ),
}

RECURRENT: dict[str, Case] = {
    "the steps or the batch differ": lambda: made(
        lambda net, x: net.last(net.body(net.l0(x).transpose(1, 2))[0][:, 0]),
        lambda n: parts(l0=(3, n), body=nn.GRU(4, 5, batch_first=True), last=(5, 2)),
        x=SERIES,
    ),
    "the number of states differs": lambda: made(
        lambda net, x: net.last(net.body(net.l0(x), net.start.expand(1, 4, 5))[0][:, 0]),
        lambda n: parts(l0=(3, n), body=nn.GRU(n, 5), last=(5, 2), start=torch.randn(1, 4, 5)),
        maps={("p_start", 1): entries(1, 0, 2, 3, of=4)},
        x=SERIES,
    ),
    "biases are there in one of the two networks only": lambda: made(
        lambda net, x: net.last(net.body(net.l0(x))),
        lambda n: parts(l0=(7, n), body=nn.GRUCell(n, 5, bias=n == 3), last=(5, 2)),
    ),
    "dropout is 0.2, in the parent 0.1": lambda: made(
        lambda net, x: net.last(net.body(net.l0(x))[0]),
        lambda n: parts(
            l0=(3, n), body=nn.GRU(n, 5, num_layers=2, dropout=0.1 if n == 3 else 0.2), last=(5, 2)
        ),
        x=SERIES,
    ),
}

grouped = torch.ops.transformers.grouped_mm_fallback


def experts(
    *,
    weight: Callable[[Net], torch.Tensor] = lambda net: net.up,
    after: Callable[[Net, torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    in_child: int = 2,
    maps: dict[tuple[str, int], AxisRelation] | None = None,
) -> TransferPlan:
    """Rows, whose order a layer makes, for two experts; all rows go to the first one."""

    def run(net: Net, x: torch.Tensor) -> torch.Tensor:
        ends = net.ends(x[0]).mul(0).add(3).to(torch.int32)
        rows = net.order(net.l0(x).t()).t()
        y = grouped(rows, weight(net), ends)
        result: torch.Tensor = net.l1(after(net, y, ends) if after else y)
        return result

    def build(n: int) -> Parts:
        count = 2 if n == 3 else in_child
        return parts(l0=(7, n), ends=(7, count), order=(3, 3), up=torch.randn(count, n, n), l1=(n, 2))

    return made(run, build, maps=maps)


EXPERTS: dict[str, Case] = {
    "weight is not one tensor of the state dict for all experts": lambda: experts(
        weight=lambda net: net.up * net.l0.bias.mean()
    ),
    "there are 3 experts, in the parent 2": lambda: experts(in_child=3),
    "the rows are sorted to other experts": lambda: experts(maps={("linear.0", 0): entries(1, 0, of=2)}),
    "the rows that are sorted differ": lambda: experts(maps={("linear.2", 1): entries(1, 0, 2)}),
    "a tied tensor of experts": lambda: experts(after=lambda net, y, ends: grouped(y.tanh(), net.up, ends)),
}

PLACES = torch.tensor([0, 1])

TABLES: dict[str, Case] = {
    "a tied table's rows are not the parent's": lambda: made(
        lambda net, x: net.l2(functional.linear(net.l0(x), net.table.weight)) + net.l3(net.table(PLACES[:1])),
        lambda n: parts(l0=(7, n), table=nn.Embedding(5, n), l2=(5, 2), l3=(n, 2)),
        maps={("linear.1", 1): entries(1, 0, 2, 3, 4, of=5)},
    ),
    "the indices are others": lambda: grown(lambda h: h[PLACES].sum(1), in_child=lambda h: h[PLACES, PLACES]),
    "some axes are not looked up": lambda: made(
        lambda net, x: net.l1(net.l0(x)[:, PLACES]), lambda n: parts(l0=(7, n), l1=(2, 2))
    ),
    "the table's rows differ": lambda: made(
        lambda net, x: net.l1(net.l0(x).t()[PLACES]),
        lambda n: parts(l0=(7, n), l1=(3, 2)),
        maps={("linear.0", 1): entries(1, 0, 2, 0)},
    ),
    "the axis that is looked up differs": lambda: made(
        lambda net, x: net.l1(net.l0(x).index_select(1, PLACES)),
        lambda n: parts(l0=(7, n), l1=(2, 2)),
        maps={("linear.0", 1): entries(1, 0, 2, 0)},
    ),
}

REFUSED = {**ATTENTION, **RECURRENT, **EXPERTS, **TABLES}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_layer_over_places_refuses_is_named(reason: str) -> None:
    assert reason in told(REFUSED[reason]())
