"""What Ray gives back to a trial decides how it begins: its own note, another's, or none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import CorruptData, InputError
from heredity.integrations import GuestTrial, Identity, Parent
from heredity.integrations.guests import NOTE, Note

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    from ray import tune

    from heredity.integrations.ray_tune import BestRef, TuneTrial, note_in, trainable

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of which there are many
]

Build = Callable[[int], nn.Module]


def trial_of(store: hd.Store, name: str, note: Note | None, *, parent: Parent = None) -> TuneTrial:
    return TuneTrial(GuestTrial(store, Identity("ray", "population", name), parent=parent), note)


def note_of(store: hd.Store, name: str, module: nn.Module, inputs: torch.Tensor) -> Note:
    """What a trial leaves after two steps, on its way through a checkpoint of Ray's."""
    guest = GuestTrial(store, Identity("ray", "population", name), parent=None)
    saved = guest.save(module, steps=2, example_inputs=inputs, tag="step-2")
    return Note(saved.key, name, 2, guest.beginning)


def test_a_loser_goes_on_as_the_winner_in_another_size(
    store: hd.Store, build: Build, inputs: torch.Tensor
) -> None:
    winner, loser = build(4), build(6)
    trial = trial_of(store, "loser", note_of(store, "winner", winner, inputs))
    assert trial.begin(loser, example_inputs=inputs) == 2
    torch.testing.assert_close(loser(inputs), winner(inputs))
    assert trial.guest.facts["parent"] == "ray/population/winner/step-2"
    assert trial.guest.facts["verdict"] == "exact"
    saved = trial.guest.save(loser, steps=3, example_inputs=inputs, tag="step-3")
    assert (saved.metadata["steps"], saved.metadata["cumulative_steps"]) == (1, 3)


def test_a_trial_goes_on_from_its_own_note_and_not_from_its_parent(
    store: hd.Store, build: Build, inputs: torch.Tensor
) -> None:
    hd.save(store, build(4), key="father", example_inputs=inputs)
    own = build(4)
    trial = trial_of(store, "1", note_of(store, "1", own, inputs), parent="father")
    module = build(4)
    assert trial.begin(module, example_inputs=inputs) == 2
    torch.testing.assert_close(module.state_dict(), own.state_dict())
    assert trial.guest.facts["resumed"]


def test_a_trial_whose_own_size_was_changed_keeps_what_it_has_learnt(
    store: hd.Store, build: Build, inputs: torch.Tensor
) -> None:
    own = build(4)
    trial = trial_of(store, "1", note_of(store, "1", own, inputs))
    module = build(6)
    assert trial.begin(module, example_inputs=inputs) == 2
    torch.testing.assert_close(module(inputs), own(inputs))


def test_a_trial_without_a_note_inherits_from_its_parent(store: hd.Store, build: Build) -> None:
    hd.save(store, father := build(4), key="father")
    module = build(4)
    assert trial_of(store, "1", None, parent="father").begin(module) == 0
    torch.testing.assert_close(module.state_dict(), father.state_dict())


def test_a_note_survives_a_checkpoint_of_rays(
    store: hd.Store, build: Build, inputs: torch.Tensor, tmp_path: Path
) -> None:
    note = note_of(store, "1", build(4), inputs)
    (tmp_path / "note").mkdir()
    note.write(tmp_path / "note")
    assert note_in(tune.Checkpoint(str(tmp_path / "note"))) == note


def test_a_checkpoint_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"without {NOTE}"):
        note_in(tune.Checkpoint(str(tmp_path)))
    (tmp_path / NOTE).write_text("{}")
    with pytest.raises(CorruptData, match="cannot be read"):
        note_in(tune.Checkpoint(str(tmp_path)))


def test_outside_of_ray_it_says_so(store: hd.Store) -> None:
    with pytest.raises(InputError, match=r"inside of ray\.tune\.Tuner only"):
        trainable(lambda _config, _trial: None, store=store)({})


def test_there_are_two_modes(store: hd.Store) -> None:
    with pytest.raises(InputError, match="expected the mode 'min' or 'max', got 'best'"):
        BestRef(store, "best", metric="accuracy", mode="best")  # type: ignore[arg-type]  # the point of the test
