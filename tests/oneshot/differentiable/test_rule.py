"""DARTS's rule keeps what the published code keeps."""

from __future__ import annotations

import pytest
import torch
from tests.oneshot.differentiable.supernets import SmallSupernet, batch

from heredity.errors import InputError
from heredity.oneshot import Kind, choices, freeze
from heredity.oneshot.differentiable.deriving import Edge, Kept, Node, cells_of, derived, strongest_inputs
from heredity.oneshot.spaces import DARTS_V2, DartsNetwork

CANDIDATES = [
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
]
# The cells that the paper publishes for CIFAR-10, second order: (operator, source), two for each node.
DARTS_V2_NORMAL = [
    [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)],
    [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)],
    [("sep_conv_3x3", 1), ("skip_connect", 0)],
    [("skip_connect", 0), ("dil_conv_3x3", 2)],
]
DARTS_V2_REDUCE = [
    [("max_pool_3x3", 0), ("max_pool_3x3", 1)],
    [("skip_connect", 2), ("max_pool_3x3", 1)],
    [("max_pool_3x3", 0), ("skip_connect", 2)],
    [("skip_connect", 2), ("max_pool_3x3", 1)],
]


def edge(source: int, **raised: float) -> Edge:
    """An edge whose candidates weigh 0.1, but for some."""
    return Edge(source, {name: raised.get(name, 0.1) for name in CANDIDATES})


def nodes_that_give(cell: list[list[tuple[str, int]]]) -> list[Node]:
    """Weights by which each node's edges stand out in the order of a published cell."""
    nodes = []
    for number, kept in enumerate(cell):
        raised = {source: {name: 0.5 - 0.1 * place} for place, (name, source) in enumerate(kept)}
        nodes.append(Node([edge(source, **raised.get(source, {})) for source in range(2 + number)]))
    return nodes


@pytest.mark.parametrize("cell", [DARTS_V2_NORMAL, DARTS_V2_REDUCE])
def test_the_published_cells_come_from_weights_that_give_them(cell: list[list[tuple[str, int]]]) -> None:
    kept = strongest_inputs(nodes_that_give(cell))
    assert [[(each.candidate, each.source) for each in node] for node in kept] == cell


def test_of_equal_weights_the_first_edges_and_the_first_candidate_are_kept() -> None:
    [kept] = strongest_inputs([Node([edge(source) for source in range(4)])])
    assert kept == [Kept(0, "max_pool_3x3"), Kept(1, "max_pool_3x3")]


def test_an_edge_counts_by_its_best_candidate_times_its_own_strength() -> None:
    edges = [
        edge(0, skip_connect=0.3),
        edge(1, sep_conv_3x3=0.2),
        Edge(2, {"sep_conv_5x5": 0.9}, strength=0.1),
    ]
    [kept] = strongest_inputs([Node(edges)])
    assert kept == [Kept(0, "skip_connect"), Kept(1, "sep_conv_3x3")]


def test_the_cap_takes_the_weakest_skips_away_and_derives_again() -> None:
    """The edge of a forbidden skip may come back with its next best candidate, or another edge instead."""
    nodes = [
        Node([edge(0, skip_connect=0.9, dil_conv_3x3=0.4), edge(1, skip_connect=0.8)]),
        Node([edge(0, skip_connect=0.5), edge(1, sep_conv_5x5=0.3), edge(2, sep_conv_3x3=0.2)]),
    ]
    kept = strongest_inputs(nodes, max_skips=1)
    assert kept[0] == [Kept(0, "skip_connect"), Kept(1, "max_pool_3x3")]
    assert kept[1] == [Kept(1, "sep_conv_5x5"), Kept(2, "sep_conv_3x3")]


def test_a_cap_that_holds_already_changes_nothing() -> None:
    nodes = nodes_that_give(DARTS_V2_NORMAL)
    assert strongest_inputs(nodes, max_skips=2) == strongest_inputs(nodes)


def test_a_cell_of_nothing_but_skips_cannot_be_capped() -> None:
    nodes = [Node([Edge(source, {"skip_connect": 0.5}) for source in range(2)])]
    with pytest.raises(InputError, match="node 0: expected 2 edges with a candidate to keep, got 1"):
        strongest_inputs(nodes, max_skips=1)


def test_a_supernet_is_derived_to_an_architecture_that_can_be_frozen() -> None:
    """What only takes part in mixtures is never derived, however much it weighs."""
    supernet = SmallSupernet().double()
    weights = {
        label: torch.tensor([0.9, 0.04, 0.06] if label == "cell/1/2" else [0.8, 0.15, 0.05])
        for label, point in choices(supernet).items()
        if not label.endswith("inputs")
    }
    architecture = derived(supernet, weights)
    assert architecture == {
        "cell/0/0": "skip_connect",
        "cell/0/1": "skip_connect",
        "cell/1/inputs": [0, 1],
        "cell/1/0": "skip_connect",
        "cell/1/1": "skip_connect",
    }
    assert freeze(supernet, architecture)(batch(0)[0]).shape == (6, 3)


def test_weights_of_the_edges_decide_where_there_are_some() -> None:
    supernet = SmallSupernet()
    weights = {label: torch.tensor([0.0, 0.5, 0.5]) for label in choices(supernet)}
    weights["cell/1/inputs"] = torch.tensor([0.2, 0.3, 0.5])
    assert derived(supernet, weights)["cell/1/inputs"] == [1, 2]


def test_a_choice_without_weights_is_named() -> None:
    with pytest.raises(InputError, match="cell/0/0: this choice has no weights"):
        derived(SmallSupernet(), {})


def test_cells_that_decide_alike_are_one() -> None:
    [cell] = cells_of(SmallSupernet())
    assert [node.edges for node in cell] == [("cell/0/0", "cell/0/1"), ("cell/1/0", "cell/1/1", "cell/1/2")]
    assert [node.inputs for node in cell] == [None, "cell/1/inputs"]


def test_the_published_architecture_comes_from_weights_on_the_network_of_the_paper() -> None:
    """All of DARTS_V2, from one vector for each of the 28 edges."""
    network = DartsNetwork(channels=4, num_cells=3)
    weights = {}
    for label, point in choices(network).items():
        if point.kind is Kind.INPUTS:
            continue
        kept = DARTS_V2.get(label)
        weights[label] = torch.tensor([0.9 if name == "none" else 0.1 for name in point.candidates])
        if kept is not None:
            weights[label][point.position_of(kept)] = 0.5
    assert derived(network, weights) == DARTS_V2
