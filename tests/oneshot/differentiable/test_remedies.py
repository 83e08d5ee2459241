"""What keeps a search from collapsing does what its paper says."""

from __future__ import annotations

import pytest
import torch
from tests.oneshot.differentiable.supernets import SmallSupernet, batch, small_search
from torch import Tensor, nn

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.oneshot import Choice, Selected, choices, freeze, selecting
from heredity.oneshot.differentiable import ArchitectureTraining, SearchSettings
from heredity.oneshot.differentiable.remedies import (
    AuxiliarySkip,
    CurvatureRule,
    PartialChannels,
    auxiliary_skips,
    channel_shuffle,
    dominant_eigenvalue,
    wrap_edges,
)

X = batch(0)[0]


def equal_weights(supernet: nn.Module) -> dict[str, Selected]:
    return {
        label: torch.full((point.num_weights,), 1 / point.num_weights, dtype=torch.float64)
        for label, point in choices(supernet).items()
    }


@pytest.mark.parametrize(("num_channels", "groups"), [(8, 4), (12, 3), (5, 1), (6, 6)])
def test_the_channel_shuffle_is_a_permutation_that_takes_one_of_each_group(
    num_channels: int, groups: int
) -> None:
    x = torch.arange(num_channels)[None, :, None, None].expand(2, -1, 3, 3)
    y = channel_shuffle(x, groups)[0, :, 0, 0].tolist()
    assert sorted(y) == list(range(num_channels))
    assert [channel // (num_channels // groups) for channel in y[:groups]] == list(range(groups))


def test_channels_that_cannot_be_grouped_are_refused() -> None:
    with pytest.raises(InputError, match="6 channels cannot be divided into 4 groups"):
        channel_shuffle(torch.zeros(1, 6, 1, 1), 4)


@pytest.mark.parametrize(("stride", "size"), [(1, 6), (2, 3)])
def test_an_edge_of_partial_channels_hands_on_three_quarters(stride: int, size: int) -> None:
    x = torch.rand(2, 8, 6, 6)
    edge = PartialChannels(nn.Conv2d(2, 2, 3, stride=stride, padding=1))
    beside = x[:, 2:] if stride == 1 else nn.functional.max_pool2d(x[:, 2:], 2)
    y = edge(x)
    assert y.shape == (2, 8, size, size)
    expected = channel_shuffle(torch.cat([edge.edge(x[:, :2]), beside], dim=1), 4)
    assert torch.equal(y, expected)


def test_wrapped_cells_can_still_be_chosen_in_and_frozen() -> None:
    supernet = SmallSupernet(8, partial=4).double().eval()
    wrap_edges(supernet, PartialChannels)
    architecture: dict[str, Json] = {
        "cell/0/0": "convolution",
        "cell/0/1": "skip_connect",
        "cell/1/inputs": [0, 2],
        "cell/1/0": "skip_connect",
        "cell/1/2": "convolution",
    }
    with selecting({"cell/0/0": 2, "cell/0/1": 1, "cell/1/inputs": 1, "cell/1/0": 1, "cell/1/2": 2}):
        expected = supernet(X)
    assert torch.equal(freeze(supernet, architecture)(X), expected)


def test_the_auxiliary_skip_is_added_as_much_as_is_said_and_not_computed_for_nothing() -> None:
    class Counted(nn.Identity):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x

    skip = Counted()
    edge = AuxiliarySkip(nn.Tanh(), skip=skip)
    with auxiliary_skips(0.3):
        assert torch.equal(edge(X), torch.tanh(X) + 0.3 * X)
    assert torch.equal(edge(X), torch.tanh(X))
    assert skip.calls == 1


def test_the_auxiliary_skip_fades_linearly_during_the_search() -> None:
    settings = SearchSettings(num_epochs=50, steps_per_epoch=1, skip_beta=1.0)
    assert [settings.beta_in(epoch) for epoch in (0, 25, 49)] == pytest.approx([1.0, 0.5, 0.02])


def test_what_is_derived_has_no_auxiliary_skip() -> None:
    supernet = SmallSupernet().double()
    wrap_edges(supernet, AuxiliarySkip.like_the_candidate)
    search = small_search(
        settings=SearchSettings(num_epochs=1, steps_per_epoch=1, skip_beta=1.0), supernet=supernet
    )
    search.step(batch(1), batch(2))
    plain = freeze(supernet, search.architecture())
    assert not any(isinstance(module, AuxiliarySkip | Choice) for module in plain.modules())


def test_power_iteration_finds_the_eigenvalue_of_the_largest_magnitude_with_its_sign() -> None:
    """Against the explicit Hessian of a loss of a small supernet."""
    search = small_search(settings=SearchSettings(num_epochs=1, steps_per_epoch=1))
    vectors = list(search.state.architecture.vectors)
    sizes = [vector.numel() for vector in vectors]

    def loss(flat: Tensor) -> Tensor:
        weights = torch.split(flat, sizes)
        selection = {
            label: part.softmax(dim=0)
            for label, part in zip(search.state.architecture.points, weights, strict=True)
        }
        search.supernet.train()
        with selecting({"cell/1/inputs": torch.ones(3), **selection}):
            return nn.functional.cross_entropy(search.supernet(X), batch(0)[1])

    flat = search.state.architecture.flat()
    hessian = torch.autograd.functional.hessian(loss, flat)  # type: ignore[no-untyped-call]  # torch's
    values = torch.linalg.eigvalsh(hessian)
    expected = float(values[values.abs().argmax()])
    found = dominant_eigenvalue(
        loss(torch.cat([*vectors])), vectors, generator=torch.Generator().manual_seed(0), tolerance=1e-9
    )
    assert found == pytest.approx(expected, rel=1e-4)
    assert search.dominant_eigenvalue(batch(0)) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(("diagonal", "expected"), [([3.0, -5.0, 1.0], -5.0), ([2.0, 0.5, 0.1], 2.0)])
def test_the_eigenvalue_keeps_its_sign(diagonal: list[float], expected: float) -> None:
    a = torch.ones(3, dtype=torch.float64, requires_grad=True)
    loss = (torch.tensor(diagonal, dtype=torch.float64) * a**2).sum() / 2
    found = dominant_eigenvalue(loss, [a], generator=torch.Generator().manual_seed(0), tolerance=1e-9)
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_linear_loss_has_no_curvature() -> None:
    a = torch.ones(3, requires_grad=True)
    assert dominant_eigenvalue(2 * a.sum(), [a], generator=torch.Generator()) == 0.0


def test_a_search_stops_when_the_averaged_eigenvalue_has_grown_by_a_third() -> None:
    """Flat for 16 epochs, then growing: the epoch to return to lies before the growth."""
    rule = CurvatureRule()
    eigenvalues = [1.0] * 16
    assert rule.epoch_to_return_to(eigenvalues) is None
    # The window's mean is 1 + (0.5 + 1 + 1.5) / 5 = 1.6 at epoch 16, against 1.0 four epochs before.
    found = [rule.epoch_to_return_to([*eigenvalues, 1.5, 2.0, 2.5][:end]) for end in (17, 18, 19)]
    assert found == [None, None, 12]


def test_only_the_magnitude_of_the_eigenvalue_counts() -> None:
    rule = CurvatureRule(window=1, delta=1, from_epoch=0)
    assert rule.epoch_to_return_to([-1.0, -1.0]) is None
    assert rule.epoch_to_return_to([-1.0, -1.4]) == 0


def test_the_first_epochs_never_stop_a_search() -> None:
    grown = [2.0**epoch for epoch in range(16)]
    assert CurvatureRule().epoch_to_return_to(grown) is None
    assert CurvatureRule(from_epoch=9).epoch_to_return_to(grown) == 9


def test_the_edges_have_weights_of_their_own_if_that_is_wished() -> None:
    """PC-DARTS's edge normalization: without it, edges are added."""
    plain = small_search(settings=SearchSettings(num_epochs=1, steps_per_epoch=1))
    weighed = ArchitectureTraining(weigh_inputs=True)
    normalized = small_search(settings=SearchSettings(num_epochs=1, steps_per_epoch=1, architecture=weighed))
    added, shared = plain.mixture()["cell/1/inputs"], normalized.mixture()["cell/1/inputs"]
    assert isinstance(added, Tensor)
    assert isinstance(shared, Tensor)
    assert added.tolist() == [1, 1, 1]
    assert float(shared.detach().sum()) == pytest.approx(1)
    assert "cell/1/inputs" not in plain.weights()
