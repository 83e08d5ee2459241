"""What is frozen computes what the supernet computes under the same selection."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from tests.oneshot.supernets import SUPERNETS, cell, choice, elastic, images, nested

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.oneshot import Choosing, freeze, selecting, selection_of, space_of
from heredity.oneshot.freezing import freeze_with_origins

kinds = pytest.mark.parametrize("kind", SUPERNETS)


@kinds
@pytest.mark.parametrize("is_training", [True, False])
def test_a_frozen_network_computes_bit_for_bit_what_its_supernet_does(kind: str, is_training: bool) -> None:
    torch.manual_seed(0)
    supernet = SUPERNETS[kind]().train(is_training)
    space, rng = space_of(supernet), random.Random(0)
    for architecture in [space.sample(rng) for _ in range(12)]:
        frozen, x = freeze(supernet, architecture), images()
        torch.manual_seed(1)
        with selecting(selection_of(supernet, architecture)):
            expected = supernet(x)
        torch.manual_seed(1)
        assert torch.equal(frozen(x), expected), architecture
        again = freeze(supernet, architecture)  # statistics have moved alike
        state = frozen.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in again.state_dict().items())


@kinds
def test_a_frozen_network_has_the_gradients_of_its_supernet(kind: str) -> None:
    torch.manual_seed(0)
    supernet = SUPERNETS[kind]().eval()
    architecture = space_of(supernet).sample(random.Random(3))
    frozen, x = freeze_with_origins(supernet, architecture), images()
    with selecting(selection_of(supernet, architecture)):
        supernet(x).square().sum().backward()
    frozen.module(x).square().sum().backward()
    for name, parameter in frozen.module.named_parameters():
        _, origin = frozen.origins[name]
        if parameter.grad is None or origin.tensor.grad is None:
            assert parameter.grad is origin.tensor.grad  # an input that is not chosen
            continue
        theirs = origin.tensor.grad[origin.slices] if origin.slices else origin.tensor.grad
        torch.testing.assert_close(parameter.grad, theirs)


@kinds
def test_a_frozen_network_is_plain_and_shares_nothing(kind: str) -> None:
    supernet = SUPERNETS[kind]()
    frozen = freeze(supernet, space_of(supernet).sample(random.Random(1)))
    assert not any(isinstance(module, Choosing) for module in frozen.modules())
    theirs = {tensor.untyped_storage().data_ptr() for tensor in supernet.state_dict().values()}
    assert not theirs & {tensor.untyped_storage().data_ptr() for tensor in frozen.state_dict().values()}


def test_only_what_runs_is_copied() -> None:
    architecture = {"kind": "other", "twice": "same"}
    assert len(freeze(nested(), architecture).state_dict()) == 0


def test_every_tensor_of_a_frozen_network_knows_its_origin() -> None:
    supernet = elastic()
    frozen = freeze_with_origins(supernet, {"width": 4, "narrow": 3, "kernel": 3})
    for name, tensor in frozen.module.state_dict().items():
        source, origin = frozen.origins[name]
        theirs = supernet.state_dict()[source]
        assert torch.equal(tensor, theirs[origin.slices] if origin.slices else theirs)


def test_a_frozen_network_that_shares_has_its_supernets_parameters() -> None:
    supernet = elastic()
    frozen = freeze_with_origins(supernet, {"width": 4, "narrow": 3, "kernel": 3}, is_sharing=True).module
    theirs = {tensor.untyped_storage().data_ptr() for tensor in supernet.parameters()}
    assert {tensor.untyped_storage().data_ptr() for tensor in frozen.parameters()} <= theirs
    assert not {id(buffer) for buffer in frozen.buffers()} & {id(buffer) for buffer in supernet.buffers()}


def test_a_tied_module_stays_tied() -> None:
    shared = torch.nn.Conv2d(4, 4, 1)
    frozen = freeze(torch.nn.Sequential(shared, choice(), shared), {"op": "same"})
    assert frozen[0] is frozen[2]  # type: ignore[index]  # it is a Sequential


def test_the_modes_of_single_layers_are_kept() -> None:
    supernet = cell().train()
    for module in supernet.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    architecture: dict[str, Json] = {"cell/0/0": "conv", "cell/0/1": "conv", "cell/1/inputs": [0, 1]}
    frozen = freeze(supernet, {**architecture, "cell/1/0": "drop", "cell/1/1": "drop"})
    kinds = {type(module): module.training for module in frozen.modules()}
    assert (kinds[torch.nn.BatchNorm2d], kinds[torch.nn.Dropout]) == (False, True)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({}, "op"),
        ({"op": "conv7"}, "expected one of 'conv', 'same', got 'conv7'"),
        ({"op": "conv", "depth": 1}, "depth"),
    ],
)
def test_what_is_no_architecture_of_the_supernet_is_refused(
    architecture: dict[str, Json], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        freeze(choice(), architecture)


def test_a_selection_of_every_architecture_exists() -> None:
    supernet = nested()
    architectures = list(itertools.islice(space_of(supernet).grid(9), 500))
    assert all(selection_of(supernet, each).keys() == each.keys() for each in architectures)
